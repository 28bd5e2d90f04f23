"""What ``send_feedback`` may return."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

RESPONSES: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "list": lambda: [1, 2],
    "array": lambda: np.array([[0.5]]),
    "text": lambda: "thanks",
    "dict": lambda: {"thanks": True},
    "bytes": lambda: b"thanks",
    "ints": lambda: np.array([[1, 2]]),
    "strings": lambda: ["a", "b"],
    "mixed": lambda: [1, "a", None, True],
    "nonfinite": lambda: np.array([[np.nan, np.inf]]),
    "nested": lambda: {"b": 1, "a": [1, None, {"c": 2}]},
    "zero": lambda: 0,
    "empty": lambda: [],
}


class Judge:
    """Responds with the kind that the request's first name asks for."""

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        return RESPONSES[names[0]]()
