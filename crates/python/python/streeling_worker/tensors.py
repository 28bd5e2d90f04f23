"""Responses for callers that read several tensors, each with its name and dtype.

Booleans and bytes keep their dtype, dates are ISO 8601, and a dict of arrays is several tensors.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, Optional

from . import payload, protocol
from .limits import Budget
from .payload import Codec, Encoded
from .protocol import ITEM, LENGTH, SHAPES

try:
    import numpy as np
except ImportError:
    # A module that may be missing has no type of its own.
    np = None  # type: ignore[assignment]

# One tensor, or `None` where a value is of no dtype that tensors have.
Tensor = Callable[[Any], Optional[Encoded]]


def encoder(codec: Codec) -> Callable[[Any], Encoded]:
    """What makes an item of a response."""
    tensor = _tensor if codec.numpy else _tensor_of_lists
    kinds: tuple[type, ...] = (*(payload.ARRAYS if codec.numpy else ()), list)
    values = (*kinds, np.generic) if codec.numpy else kinds
    encode = codec.encode

    def encode_tensors(value: Any) -> Encoded:
        encoded = None
        if isinstance(value, kinds):
            encoded = tensor(value)
        elif isinstance(value, dict):
            encoded = _named(value, values, tensor)
        return encode(value) if encoded is None else encoded

    return encode_tensors


def _named(value: dict[Any, Any], kinds: tuple[type, ...], tensor: Tensor) -> Encoded | None:
    """Several tensors with their names; `None` where some value is none."""
    if not value or not all(isinstance(one, kinds) for one in value.values()):
        return None
    parts: list[bytes | memoryview] = []
    for name, one in value.items():
        if not isinstance(name, str):
            return None
        try:
            text = name.encode()
            encoded = tensor(one)
        except (TypeError, ValueError):
            # Half of a surrogate pair, or lists that make no array: JSON may say them.
            return None
        if encoded is None:
            return None
        kind, dtype, shape, body = encoded
        parts += (
            LENGTH.pack(len(text)),
            text,
            ITEM.pack(kind, dtype, len(shape), 0, 0, 0, 0, len(body)),
            SHAPES[len(shape)].pack(*shape),
            body,
        )
    return (protocol.NAMED, 0, (), b"".join(parts))


def _tensor(value: Any) -> Encoded | None:
    if isinstance(value, list):
        if payload.begins_with(value, str):
            Budget().array(value)
        # NumPy's own bytes lose the zeros at their end.
        array = np.array(value, object if payload.begins_with(value, bytes) else None)
    elif isinstance(value, np.ma.MaskedArray):
        return None
    else:
        array = np.asarray(value)
    kind = array.dtype.kind
    if kind in "iuf":
        encoded = payload.encode_array(array, array)
        return encoded if encoded[0] == protocol.NUMBERS else None
    if kind == "b":
        return (protocol.NUMBERS, protocol.BOOL, array.shape, array.tobytes())
    if kind == "M":
        texts = np.datetime_as_string(array).tolist()
        return (protocol.LIST, 0, array.shape, payload.to_json(texts))
    if kind not in "OSTU":
        return None
    # A list may hold numbers beside text, which are no longer numbers in the array.
    objects = np.array(value, object) if isinstance(value, list) and kind != "O" else array
    elements = objects.reshape(-1).tolist()
    if all(isinstance(element, bytes) for element in elements):
        return _of_bytes(elements, array.shape)
    if all(isinstance(element, str) for element in elements):
        return (protocol.LIST, 0, array.shape, payload.to_json(array.tolist()))
    return None


def _tensor_of_lists(value: Any) -> Encoded | None:
    """The same where there is no NumPy."""
    shape = payload.shape_of_list(value)
    elements = payload.flatten(value, shape)
    types = set(map(type, elements))
    if types == {bool}:
        return (protocol.NUMBERS, protocol.BOOL, shape, bytes(elements))
    if types == {bytes}:
        return _of_bytes(elements, shape)
    if types == {str}:
        return (protocol.LIST, 0, shape, payload.to_json(value))
    encoded = payload.encode_without_numpy(value)
    return encoded if encoded[0] == protocol.NUMBERS else None


def _of_bytes(elements: Iterable[bytes], shape: tuple[int, ...]) -> Encoded:
    """Elements of bytes, each behind its length; of none it is not known that they are text."""
    parts = [part for element in elements for part in (LENGTH.pack(len(element)), element)]
    return (protocol.NUMBERS, protocol.BYTES, shape, b"".join(parts))
