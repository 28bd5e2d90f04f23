"""Gives back what it got: shows how each payload survives the way in and out."""

from typing import Any


class Identity:
    """Returns X, without a ``meta`` argument and without names of its own."""

    def predict(self, X: Any, names: Any) -> Any:
        return X

    def transform_input(self, X: Any, names: Any) -> Any:
        return X

    def transform_output(self, X: Any, names: Any) -> Any:
        return X
