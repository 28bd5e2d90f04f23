"""Reports the parameters that its constructor got."""

from typing import Any


class Parameters:
    """Takes every keyword."""

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters

    def predict(self, X: Any, names: Any) -> Any:
        return {
            name: {"type": type(value).__name__, "repr": repr(value)}
            for name, value in self.parameters.items()
        }
