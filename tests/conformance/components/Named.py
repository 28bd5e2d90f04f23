"""Names of the response given by methods."""

from __future__ import annotations

from typing import Any

import numpy as np


class Named:
    """``class_names`` and ``feature_names`` are methods."""

    def predict(self, X: Any, names: Any) -> Any:
        return np.array(X)

    def transform_input(self, X: Any, names: Any) -> Any:
        return np.array(X)

    def transform_output(self, X: Any, names: Any) -> Any:
        return np.array(X)

    def route(self, X: Any, names: Any) -> int:
        return 0

    def aggregate(self, X: Any, names: Any) -> Any:
        return X[0]

    def class_names(self) -> list[str]:
        return ["setosa", "versicolor"]

    def feature_names(self) -> list[str]:
        return ["length", "width"]
