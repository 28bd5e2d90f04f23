"""``feature_names`` alone, as transformers of old define it."""

from __future__ import annotations

from typing import Any


class NamedFeatures:
    """Has no ``class_names``."""

    def predict(self, X: Any, names: Any) -> Any:
        return X

    def transform_input(self, X: Any, names: Any) -> Any:
        return X

    def transform_output(self, X: Any, names: Any) -> Any:
        return X

    def feature_names(self) -> list[str]:
        return ["length", "width"]
