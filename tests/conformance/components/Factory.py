"""A component made by a function instead of a class."""

from typing import Any


class Product:
    """What the factory makes."""

    def __init__(self, size: int) -> None:
        self.size = size

    def predict(self, X: Any, names: Any) -> Any:
        return {"size": self.size}


def Factory(size: int = 1) -> Product:  # noqa: N802
    """Return a component; the server calls this as it would call a class."""
    return Product(size)
