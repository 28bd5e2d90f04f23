"""Shows how often a method runs when it raises a TypeError of its own."""

from typing import Any


class CallCounter:
    """Counts its calls; every odd call raises a TypeError."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        self.calls += 1
        if self.calls % 2:
            raise TypeError("from within, not from the signature")
        return {"calls": self.calls, "meta": repr(meta)}
