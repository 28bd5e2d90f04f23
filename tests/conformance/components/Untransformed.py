"""A component without transformers, which has names, tags and metrics of its own."""

from __future__ import annotations

from typing import Any


class Untransformed:
    """What passes through is given these."""

    def class_names(self) -> list[str]:
        return ["first", "second"]

    def tags(self) -> dict[str, Any]:
        return {"own": 1}

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "COUNTER", "key": "passed", "value": 1}]
