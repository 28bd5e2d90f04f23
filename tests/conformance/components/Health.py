"""What ``health_status`` may return."""

from __future__ import annotations

from typing import Any

import numpy as np


class Health:
    """Responds with the kind that the parameter names."""

    def __init__(self, kind: str = "text") -> None:
        self.kind = kind

    def predict(self, X: Any, names: Any) -> Any:
        return X

    def health_status(self) -> Any:
        if self.kind == "raises":
            raise ValueError("not well")
        return {
            "text": "well",
            "list": [1, 2],
            "array": np.array([[1.5, 2.0]]),
            "dict": {"state": "well"},
            "bytes": b"well",
            "none": None,
            "int": 1,
        }[self.kind]

    def tags(self) -> dict[str, Any]:
        return {"from": "tags"}

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "COUNTER", "key": "checks", "value": 1}]
