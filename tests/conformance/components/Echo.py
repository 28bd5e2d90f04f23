"""Reports what arrives: the type, dtype, shape and values of X, names and meta."""

from __future__ import annotations

from typing import Any

import numpy as np


def describe(value: Any) -> dict[str, Any]:
    """Return the Python type of ``value`` and, for an array, its dtype, shape and flags."""
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        return {
            "type": kind,
            "dtype": value.dtype.str,
            "shape": list(value.shape),
            "writeable": bool(value.flags.writeable),
            "repr": [repr(item) for item in value.ravel().tolist()],
        }
    if kind == "RepeatedScalarFieldContainer":
        # Protobuf's own list, which behaves as one.
        return describe(list(value))
    if isinstance(value, (list, tuple)):
        return {"type": kind, "items": [describe(item) for item in value]}
    return {"type": kind, "repr": repr(value)}


class Echo:
    """Responds to every call with a description of its arguments."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> dict[str, Any]:
        return {"X": describe(X), "names": describe(names), "meta": describe(meta)}

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> dict[str, Any]:
        return {"call": "transform_input", **self.predict(X, names, meta)}

    def transform_output(self, X: Any, names: Any, meta: Any = None) -> dict[str, Any]:
        return {"call": "transform_output", **self.predict(X, names, meta)}

    def aggregate(self, X: Any, names: Any, meta: Any = None) -> dict[str, Any]:
        return {"call": "aggregate", **self.predict(X, names, meta)}

    def send_feedback(
        self, X: Any, names: Any, reward: Any, truth: Any, routing: Any = None
    ) -> dict[str, Any]:
        return {
            "X": describe(X),
            "names": describe(list(names)),
            "reward": describe(reward),
            "truth": describe(truth),
            "routing": describe(routing),
        }
