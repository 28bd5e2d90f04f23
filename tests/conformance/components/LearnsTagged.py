"""Feedback whose response has names, tags and metrics of the component's own."""

from __future__ import annotations

from typing import Any


class LearnsTagged:
    """Has every kind of tag and metric."""

    def send_feedback(
        self, X: Any, names: Any, reward: Any, truth: Any, routing: Any = None
    ) -> Any:
        return X

    def class_names(self) -> list[str]:
        return ["first", "second"]

    def tags(self) -> dict[str, Any]:
        return {"int": 1, "float": 0.1, "text": "", "list": [], "null": None, "deep": {"a": [2]}}

    def metrics(self) -> list[dict[str, Any]]:
        return [
            {"type": "COUNTER", "key": "zero", "value": 0},
            {"type": "COUNTER", "key": "calls", "value": 16777217},
            {"type": "GAUGE", "key": "level", "value": 0.1, "tags": {"colour": "red"}},
            {"type": "GAUGE", "key": "bare", "value": 1e-7, "tags": {}},
            {"type": "TIMER", "key": "took", "value": 20.2},
        ]
