"""Writes into its input, as users' code does."""

from typing import Any


class Mutates:
    """Adds one in place and returns the same array."""

    def predict(self, X: Any, names: Any) -> Any:
        X += 1
        return X

    def transform_input(self, X: Any, names: Any) -> Any:
        names.append("added")
        return {"names": list(names)}
