"""Metrics that the server must refuse, one kind for each value of the parameter."""

from typing import Any


class BadMetrics:
    """``metrics`` returns what ``kind`` names; the response itself is fine."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def predict(self, X: Any, names: Any) -> Any:
        return X

    def metrics(self) -> Any:
        good = {"type": "COUNTER", "key": "calls", "value": 1}
        return {
            "not-a-list": good,
            "unknown-type": [{"type": "HISTOGRAM", "key": "calls", "value": 1}],
            "no-type": [{"key": "calls", "value": 1}],
            "no-key": [{"type": "GAUGE", "value": 1}],
            "no-value": [{"type": "GAUGE", "key": "calls"}],
            "text-value": [{"type": "GAUGE", "key": "calls", "value": "1"}],
            "not-a-dict": ["calls"],
            "second-bad": [good, {"type": "GAUGE"}],
            "none": None,
            "empty": [],
            "extra-key": [{**good, "unit": "ms"}],
            "bool-value": [{"type": "GAUGE", "key": "calls", "value": True}],
            "bad-tags": [{**good, "tags": "colour"}],
            "negative-counter": [{"type": "COUNTER", "key": "calls", "value": -1}],
        }[self.kind]
