"""Tags and metrics of every good kind, returned after each call."""

from __future__ import annotations

from typing import Any

import numpy as np


class Tagged:
    """Has ``tags`` and ``metrics`` beside all the plain methods."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return np.array([[1.5]])

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X

    def transform_output(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X

    def route(self, X: Any, names: Any) -> int:
        return 1

    def aggregate(self, X: Any, names: Any) -> Any:
        return X[0]

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        return [reward]

    def tags(self) -> dict[str, Any]:
        return {"int": 1, "float": 1.5, "text": "t", "flag": True, "list": [1, "a"], "null": None}

    def metrics(self) -> list[dict[str, Any]]:
        return [
            {"type": "COUNTER", "key": "calls", "value": 1},
            {"type": "GAUGE", "key": "level", "value": 0.1, "tags": {"colour": "red"}},
            {"type": "TIMER", "key": "took", "value": 20.2},
        ]
