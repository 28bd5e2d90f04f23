"""Returns one value of each kind, chosen by the first name (or by the text) of the request."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

KINDS: dict[str, Callable[[], Any]] = {
    "int64-1d": lambda: np.array([1, 2, 3], dtype=np.int64),
    "int64-2d": lambda: np.array([[1, 2], [3, 4]], dtype=np.int64),
    "int32-2d": lambda: np.array([[1, 2]], dtype=np.int32),
    "uint8-2d": lambda: np.array([[0, 255]], dtype=np.uint8),
    "uint64-2d": lambda: np.array([[1, 2**64 - 1]], dtype=np.uint64),
    "float64-2d": lambda: np.array([[0.1, 1.0, 1e300, 1e-7, -0.0]], dtype=np.float64),
    "float32-2d": lambda: np.array([[0.1, 1.0, 16777216.0]], dtype=np.float32),
    "float16-2d": lambda: np.array([[0.5, 0.1]], dtype=np.float16),
    "complex-2d": lambda: np.array([[1 + 2j]]),
    "nonfinite-2d": lambda: np.array([[np.nan, np.inf, -np.inf]]),
    "bool-2d": lambda: np.array([[True, False]]),
    "string-2d": lambda: np.array([["a", "é"]]),
    "string-1d": lambda: np.array(["a", "b"]),
    "bytes-2d": lambda: np.array([[b"a", b"b"]]),
    "object-2d": lambda: np.array([[1, "a", None, 2.5]], dtype=object),
    "object-arrays": lambda: np.array([{"a": 1}, [1, 2]], dtype=object),
    "datetime-1d": lambda: np.array(["2020-01-02"], dtype="datetime64[D]"),
    "zero-d": lambda: np.array(3.5),
    "three-d": lambda: np.arange(8).reshape(2, 2, 2),
    "four-d": lambda: np.arange(4.0).reshape(1, 2, 1, 2),
    "empty-1d": lambda: np.array([]),
    "empty-2d": lambda: np.zeros((0, 3)),
    "empty-columns": lambda: np.zeros((2, 0)),
    "fortran-2d": lambda: np.asfortranarray(np.array([[1, 2], [3, 4]])),
    "strided-2d": lambda: np.arange(8).reshape(2, 4)[:, ::2],
    "big-endian-2d": lambda: np.array([[1.5, 2.5]], dtype=">f8"),
    "matrix": lambda: np.asmatrix([[1, 2]]),
    "masked": lambda: np.ma.masked_array([[1, 2]], mask=[[False, True]]),
    "list-ints": lambda: [1, 2, 3],
    "list-floats": lambda: [1.5, 2],
    "list-nested": lambda: [[1, 2], [3, 4]],
    "list-strings": lambda: ["a", "b"],
    "list-mixed": lambda: [1, "a", 2.5],
    "list-none": lambda: [1, None],
    "list-ragged": lambda: [[1, 2], [3]],
    "list-dicts": lambda: [{"a": 1}, {"b": 2}],
    "list-empty": lambda: [],
    "list-bools": lambda: [True, False],
    "list-numpy": lambda: [np.float64(1.5), np.int64(2)],
    "list-arrays": lambda: [np.array([1, 2]), np.array([3, 4])],
    "list-big": lambda: [2**70],
    "tuple": lambda: (1, 2),
    "set": lambda: {1},
    "generator": lambda: (item for item in [1]),
    "dict": lambda: {"b": 1, "a": [1.0, None, True], "ü": {"nested": "x"}},
    "dict-empty": lambda: {},
    "dict-numpy": lambda: {"a": np.array([1, 2]), "b": np.float32(0.5), "c": np.int64(7)},
    "dict-numpy-bool": lambda: {"a": np.bool_(True)},
    "dict-int-keys": lambda: {1: "a", 2.5: "b"},
    "dict-nonfinite": lambda: {"a": float("nan"), "b": float("inf")},
    "dict-tuple": lambda: {"a": (1, 2)},
    "dict-set": lambda: {"a": {1}},
    "dict-bytes": lambda: {"a": b"x"},
    "dict-big": lambda: {"a": 2**70},
    "str": lambda: "text <>&\"'é\u2028😀",
    "str-empty": lambda: "",
    "bytes": lambda: b"\x00\xff bytes",
    "bytes-empty": lambda: b"",
    "bytearray": lambda: bytearray(b"x"),
    "none": lambda: None,
    "int": lambda: 7,
    "float": lambda: 7.5,
    "bool": lambda: True,
    "numpy-float": lambda: np.float64(7.5),
    "numpy-int": lambda: np.int64(7),
    "numpy-str": lambda: np.str_("text"),
    "object": lambda: object,
}


class Returns:
    """Ignores the values of the request and responds with the kind that it names."""

    def predict(self, X: Any, names: Any) -> Any:
        kind = X if isinstance(X, str) else X["kind"] if isinstance(X, dict) else names[0]
        return KINDS[kind]()
