"""The call itself is fine; what is asked after it raises."""

from typing import Any

import numpy as np


class RaisesLate:
    """``tags``, ``metrics`` or ``class_names`` raises, as the parameter says."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def predict(self, X: Any, names: Any) -> Any:
        return np.array([[1, 2]])

    def response(self, name: str, value: Any) -> Any:
        if self.kind == name:
            raise ValueError(f"{name} failed")
        if self.kind == f"{name}-not-implemented":
            raise NotImplementedError(f"{name} not written")
        return value

    def tags(self) -> Any:
        return self.response("tags", {} if self.kind != "tags-list" else ["a"])

    def metrics(self) -> Any:
        return self.response("metrics", [])

    def class_names(self) -> Any:
        return self.response("class_names", ["a", "b"])
