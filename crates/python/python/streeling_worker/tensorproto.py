"""Tensors of TensorFlow that are not of numbers: strings, complex numbers, and with TensorFlow
beside the component whatever else it knows.

A message is a `TensorProto` in protobuf's JSON, as Python's `json` reads that.
"""

from __future__ import annotations

import base64
import struct
from math import prod
from typing import Any, List, Tuple

from .errors import BadData
from .limits import Budget

# The elements of an array, its shape, and the name of its dtype in NumPy.
Parts = Tuple[List[Any], Tuple[int, ...], str]

STRING, COMPLEX64, COMPLEX128 = 7, 8, 18
_NUMBERS = {"DT_STRING": STRING, "DT_COMPLEX64": COMPLEX64, "DT_COMPLEX128": COMPLEX128}


def parts(message: dict[str, Any], budget: Budget | None = None) -> Parts | None:
    """The parts of an array of strings or complex numbers; `None` for any other dtype. What a short
    list stands for is taken from `budget`."""
    budget = budget or Budget()
    dtype = message.get("dtype")
    number = _NUMBERS.get(dtype) if isinstance(dtype, str) else dtype
    if number == STRING:
        elements: list[Any] = [_bytes(text) for text in _list(message, "string")]
        # Where there are no strings, TensorFlow makes an array of text.
        return *_filled(elements, message, "", budget), "object"
    if number == COMPLEX64:
        return *_complex(message, "scomplex", "f", budget), "complex64"
    if number == COMPLEX128:
        return *_complex(message, "dcomplex", "d", budget), "complex128"
    return None


def by_tensorflow(message: dict[str, Any], budget: Budget | None = None) -> Any:
    """The array that TensorFlow makes of a tensor of any dtype."""
    dtype = message.get("dtype") or "DT_INVALID"
    if dtype == "DT_INVALID":
        raise BadData("a tftensor without a dtype")
    # One value may stand for all.
    (budget or Budget()).shape(_sides(message))
    try:
        from google.protobuf import json_format
        from tensorflow import make_ndarray
        from tensorflow.core.framework.tensor_pb2 import TensorProto
    except ImportError as error:
        raise BadData(
            f"a tftensor of dtype {dtype} can be read only with the package tensorflow beside the "
            f"component, unless it is one of numbers, text or complex numbers ({error})"
        ) from None
    return make_ndarray(json_format.ParseDict(message, TensorProto()))


def _list(message: dict[str, Any], name: str) -> list[Any]:
    """The elements in a list, by its name in JSON or in the source."""
    return message.get(name + "Val") or message.get(name + "_val") or []


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise BadData(f"malformed base64 in a tftensor: {error}") from None


def _complex(
    message: dict[str, Any], name: str, code: str, budget: Budget
) -> tuple[list[Any], tuple[int, ...]]:
    content = _bytes(message.get("tensorContent") or message.get("tensor_content") or "")
    if content:
        count = len(content) // struct.calcsize(code)
        numbers = list(struct.unpack(f"<{int(count)}{code}", content))
    else:
        numbers = [float(number) for number in _list(message, name)]
    elements = list(map(complex, numbers[::2], numbers[1::2]))
    filled, shape = _filled(elements, message, 0j, budget)
    if content and len(filled) != len(elements):
        raise _mismatch(elements, shape)
    return filled, shape


def _filled(
    elements: list[Any], message: dict[str, Any], nothing: Any, budget: Budget
) -> tuple[list[Any], tuple[int, ...]]:
    """As many elements as the shape has, the last one standing for those that are missing."""
    shape = _sides(message)
    missing = prod(shape) - len(elements)
    if missing < 0 or any(side < 0 for side in shape):
        raise _mismatch(elements, shape)
    budget.repeated(missing, len(elements), shape)
    return elements + [elements[-1] if elements else nothing] * missing, shape


def _sides(message: dict[str, Any]) -> tuple[int, ...]:
    sides = (message.get("tensorShape") or message.get("tensor_shape") or {}).get("dim") or []
    return tuple(int(side.get("size") or 0) for side in sides)


def _mismatch(elements: list[Any], shape: tuple[int, ...]) -> ValueError:
    wrong = str(shape).replace(" ", "")
    return ValueError(f"cannot reshape array of size {len(elements)} into shape {wrong}")


def of_complex(array: Any) -> dict[str, Any]:
    """The message that TensorFlow makes of an array of complex64 or complex128."""
    single = array.dtype.itemsize == 8
    dims = [{"size": str(side)} if side else {} for side in array.shape]
    message: dict[str, Any] = {
        "dtype": "DT_COMPLEX64" if single else "DT_COMPLEX128",
        "tensorShape": {"dim": dims} if dims else {},
    }
    numbers = array.flatten().view("f4" if single else "f8")
    if numbers.size:
        # A float32 has the digits that tell it from others.
        texts = map(str, numbers)
        message["scomplexVal" if single else "dcomplexVal"] = [
            _NOT_FINITE.get(text) or float(text) for text in texts
        ]
    return message


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
