"""TensorFlow's tensors: what a component gets of one, and what it can give back as one."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

RESULTS: dict[str, Callable[[], Any]] = {
    "one-float": lambda: np.array([[0.97]]),
    "one-float32": lambda: np.array([[0.1]], dtype=np.float32),
    "one-half": lambda: np.array([0.1], dtype=np.float16),
    "one-int": lambda: np.array([[3]]),
    "one-int8": lambda: np.array([-3], dtype=np.int8),
    "one-int16": lambda: np.array([-300], dtype=np.int16),
    "one-int32": lambda: np.array([[-70000]], dtype=np.int32),
    "one-uint8": lambda: np.array([200], dtype=np.uint8),
    "one-uint16": lambda: np.array([60000], dtype=np.uint16),
    "one-uint32": lambda: np.array([2**32 - 1], dtype=np.uint32),
    "one-uint64": lambda: np.array([2**64 - 1], dtype=np.uint64),
    "one-zero": lambda: np.array([0]),
    "one-nan": lambda: np.array([np.nan]),
    "one-infinite": lambda: np.array([-np.inf], dtype=np.float32),
    "one-complex": lambda: np.array([1.5 - 2j]),
    "one-complex64": lambda: np.array([[0.1 + 2j]], dtype=np.complex64),
    "one-bool": lambda: np.array([True]),
    "one-text": lambda: np.array(["a"]),
    "number": lambda: np.array(2.5),
    "numbers": lambda: np.array([[0.9, 0.1]]),
    "halves": lambda: np.array([0.5, 0.1], dtype=np.float16),
    "equal": lambda: np.ones((2, 3)),
    "zeros": lambda: np.zeros((2, 2), dtype=np.int32),
    "three-dimensions": lambda: np.arange(4).reshape(2, 1, 2),
    "complexes": lambda: np.array([[1 + 2j, 3.5]]),
    "complex64s": lambda: np.array([1 + 2j, 3.5], dtype=np.complex64),
    "bools": lambda: np.array([True, False]),
    "texts": lambda: np.array([["a", "b"]]),
    "bytes": lambda: np.array([b"a", b"b"]),
    "objects": lambda: np.array([1, 2], dtype=object),
    "empty": lambda: np.array([]),
    "empty-rows": lambda: np.zeros((0, 2)),
    "empty-columns": lambda: np.zeros((2, 0), dtype=np.int32),
    "list": lambda: [0.5],
    "list-ints": lambda: [[1, 2]],
    "list-complex": lambda: [1j],
    "big-endian": lambda: np.array([[1.5]], dtype=">f8"),
    "fortran": lambda: np.asfortranarray(np.array([[1, 2], [3, 4]])),
    "masked": lambda: np.ma.masked_array([[1, 2]], mask=[[False, True]]),
    "none": lambda: None,
}


def describe(value: Any) -> Any:
    """Say what ``value`` is, with its elements where it is an array."""
    if isinstance(value, np.ndarray):
        kind = value.dtype.str if value.dtype.kind != "V" else value.dtype.name
        return [kind, list(value.shape), [repr(item) for item in value.ravel().tolist()]]
    return [type(value).__name__, repr(value)]


class TensorProtos:
    """Gives back what the first name asks for; without one, describes what it got."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        if len(names) == 0:
            return {"X": describe(X)}
        return X if names[0] == "same" else RESULTS[names[0]]()

    def transform_input(self, X: Any, names: Any) -> Any:
        return X

    def aggregate(self, Xs: Any, names: Any) -> Any:
        return Xs[0] if names[0] else {"Xs": [describe(X) for X in Xs]}

    def route(self, X: Any, names: Any) -> int:
        return int(X.size)

    def send_feedback(
        self, X: Any, names: Any, reward: Any, truth: Any, routing: Any = None
    ) -> Any:
        if len(names) == 0:
            return {"X": describe(X), "truth": describe(truth)}
        return X if names[0] == "same" else RESULTS[names[0]]()
