"""A component for the Open Inference Protocol: it returns what it is given, and says what that was
in a tag. Text names something else that it returns."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from seldon_core.user_model import SeldonResponse


def seen(X: Any) -> str:
    """What a value is: the dtype and the shape of an array, by name where there are several."""
    if isinstance(X, dict):
        return ", ".join(f"{name}: {seen(value)}" for name, value in X.items())
    if isinstance(X, np.ndarray):
        return f"{X.dtype.name} {list(X.shape)}"
    return f"{type(X).__name__} {X!r}"


class Tensors:
    """Every method says what it got."""

    def predict(self, X: Any, names: Any, meta: dict[str, Any] | None = None) -> Any:
        result = getattr(self, X)() if isinstance(X, str) else X
        tags = {
            "seen": seen(X),
            "names": json.dumps(list(names)),
            "meta": json.dumps(meta, sort_keys=True),
        }
        return SeldonResponse(result, tags=tags)

    def several(self) -> Any:
        return {
            "floats": np.array([[0.5, -1]], "float32"),
            "halves": np.array([0.5], "float16"),
            "flags": np.array([True, False]),
            "words": ["a", "\u00e9"],
            "count": np.int16(7),
        }

    def flags(self) -> Any:
        return np.array([[True], [False]])

    def words(self) -> Any:
        return ["a", "\u00e9"]

    def mapping(self) -> Any:
        return {"a": 1, "b": None}

    def dates(self) -> Any:
        return np.array(["2026-11-28T12:00"], "datetime64[s]")

    def text(self) -> Any:
        return "h\u00e9"

    def octets(self) -> Any:
        return b"\x00\xff"

    def fail(self) -> Any:
        raise ValueError("on purpose")

    def nothing(self) -> Any:
        return None
