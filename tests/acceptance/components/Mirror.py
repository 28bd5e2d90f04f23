"""The component that other people's clients talk to."""

from __future__ import annotations

from typing import Any

import numpy as np

# Arrays above this come back as their sum, so that a recording holds them once.
LARGE = 1000


class Mirror:
    """Returns what it gets, in the form in which it came."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        if isinstance(X, dict) and "repeat" in X:
            return X["repeat"] * int(X["times"])
        if isinstance(X, str) and X == "raise":
            raise ValueError("raised because the request says so")
        if isinstance(X, np.ndarray) and X.size > LARGE:
            return np.array([[X.sum()]])
        return X

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X

    def transform_output(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X

    def route(self, X: Any, names: Any, meta: Any = None) -> int:
        return 1

    def aggregate(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X[0]

    def send_feedback(
        self, X: Any, names: Any, reward: float, truth: Any, routing: Any = None
    ) -> Any:
        return "received"
