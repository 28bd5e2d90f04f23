"""Transformers that decline, as those of the base class do."""

from __future__ import annotations

from typing import Any

from seldon_core.user_model import SeldonNotImplementedError


class DeclinesTransform:
    """Has names as an attribute, and no opinion."""

    class_names = ["first", "second"]

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        raise SeldonNotImplementedError("not this one")

    def transform_output(self, X: Any, names: Any, meta: Any = None) -> Any:
        raise SeldonNotImplementedError("not this one")
