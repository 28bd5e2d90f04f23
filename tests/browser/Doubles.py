"""A component for the tests of the page."""

from __future__ import annotations

from typing import Any


class Doubles:
    """Doubles numbers, repeats text, and refuses numbers below zero."""

    def predict(self, X: Any, names: list[str], meta: Any = None) -> Any:
        if isinstance(X, (str, dict)):
            return X
        if (X < 0).any():
            raise ValueError("below zero")
        return X * 2

    def class_names(self) -> list[str]:
        return ["first", "<b>second</b>"]

    def init_metadata(self) -> dict[str, Any]:
        return {
            "name": "<b>doubles</b>",
            "versions": ["7"],
            "platform": "tests",
            "inputs": [{"messagetype": "ndarray", "schema": {"shape": [2]}}],
            "outputs": [],
        }
