"""Names of the response given by attributes, the old way."""

from typing import Any

import numpy as np


class NamedByAttribute:
    """``class_names`` and ``feature_names`` are plain attributes."""

    def __init__(self) -> None:
        self.class_names = ["yes", "no"]
        self.feature_names = ["f"]

    def predict(self, X: Any, names: Any) -> Any:
        return np.array(X)

    def transform_input(self, X: Any, names: Any) -> Any:
        return np.array(X)
