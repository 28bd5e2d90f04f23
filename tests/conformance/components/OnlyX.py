"""Methods that take fewer arguments than the server offers."""

from typing import Any


class OnlyX:
    """``predict`` takes X alone."""

    def predict(self, X: Any) -> Any:
        return X

    def transform_input(self, X: Any, names: Any = None) -> Any:
        return {"names": repr(names)}

    def aggregate(self, X: Any) -> Any:
        return X
