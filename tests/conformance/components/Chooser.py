"""A router whose branch is what the request says."""

from typing import Any

import numpy as np


class Chooser:
    """``route`` returns the branch that the request's text names, or its first value."""

    def route(self, X: Any, names: Any) -> Any:
        if not isinstance(X, str):
            return int(X.ravel()[0])
        return {
            "all": -1,
            "none": -2,
            "minus-three": -3,
            "float": 1.0,
            "text": "1",
            "bool": True,
            "list": [[1]],
            "array": np.array([[1]]),
            "null": None,
            "numpy-int": np.int64(1),
            "big": 2**40,
        }[X]

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        return [[routing]]
