"""Items of a request as Python values, and a component's response as an item.

There are two sets of functions: with NumPy, where arrays are arrays, and without, where they are
nested lists. `Codec` picks one at start.
"""

from __future__ import annotations

import json
import struct
import sys
from itertools import chain
from math import prod
from typing import Any, Callable, Iterable, List, Tuple, Union

from . import inputs, limits, protobuf, protocol
from .errors import BadData
from .limits import Budget
from .protocol import ITEM, SHAPES, Buffer, ProtocolError

try:
    import numpy as np
except ImportError:
    # A module that may be missing has no type of its own.
    np = None  # type: ignore[assignment]


# One item of a request as the component gets it: the value, the names, the meta (`None` when the
# request has none at all), and the item's kind. A plain tuple, since it is made for every request.
Item = Tuple[Any, Any, Any, int]

# A payload of a reply: kind, dtype, shape (empty for what has none), body.
Encoded = Tuple[int, int, Tuple[int, ...], Union[bytes, memoryview]]

# Bodies of this size or more are sent from where they are, without a copy.
LARGE = 1 << 16

# Numbers as JSON tells them apart; a `bool` is an `int` to Python.
_JSON_NUMBERS = (bool, int, float)

# The most empty lists that stand for an array without elements.
EMPTY_LISTS = 1 << 16

# The parts of a `reply` frame: payload, names, meta; the last two may be empty.
Reply = Tuple[Encoded, bytes, bytes]
Handler = Callable[[List[Item]], Reply]


def _plain(value: Any) -> Any:
    # Few components ever return such a value.
    from .plain import plain

    return plain(value)


_encode = json.JSONEncoder(separators=(",", ":"), default=_plain).encode


def to_json(value: Any) -> bytes:
    """A value of the component's as JSON; raises `TypeError` or `ValueError`."""
    return _encode(value).encode("ascii")


def from_json(text: bytes | bytearray | memoryview, **options: Any) -> Any:
    """The value of JSON text, in which lone surrogates are allowed."""
    return json.loads(str(text, "utf-8", "surrogatepass"), **options)


def _list_from_numbers(
    shape: tuple[int, ...], dtype: int, buffer: Buffer | memoryview, offset: int
) -> Any:
    """Nested lists, which stand for an array where there is no NumPy."""
    flat: list[Any] = list(
        struct.unpack_from(f"<{int(prod(shape))}{protocol.DTYPES[dtype][1]}", buffer, offset)
    )
    return _nested(flat, shape) if shape else flat[0]


def _nested(flat: list[Any], shape: tuple[int, ...]) -> list[Any]:
    # The sides around one of zero are no measure of what was sent.
    if not flat and prod(shape[: shape.index(0)]) > EMPTY_LISTS:
        raise ValueError(f"an array of shape {shape} has no elements, and too many empty lists")
    for axis in range(len(shape) - 1, 0, -1):
        width = shape[axis]
        rows = prod(shape[:axis])
        flat = [flat[row * width : (row + 1) * width] for row in range(rows)]
    return flat


def _tensor(value: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """The values and the shape of a tensor written as JSON."""
    values, shape = value["values"], value["shape"]
    if options:
        # Of feedback: protobuf takes numbers that are written as text, and a shape of floats.
        return list(map(float, values)), [int(length) for length in shape]
    return values, shape


def _byte_array_as_list(shape: tuple[int, ...], elements: list[bytes]) -> Any:
    return _nested(elements, shape) if shape else elements[0]


def _list_from_json(
    layout: int, text: memoryview, options: dict[str, Any], budget: Budget | None
) -> Any:
    if layout == protocol.LAYOUT_TENSOR_PROTO:
        from . import tensorproto

        message = from_json(text)
        parts = tensorproto.parts(message, budget)
        if parts is None:
            return tensorproto.by_tensorflow(message, budget)
        elements, sides, _ = parts
        return _nested(elements, sides) if sides else elements[0]
    value = from_json(text, **options)
    if layout == protocol.LAYOUT_NESTED:
        return value
    values, shape = _tensor(value, options)
    if prod(shape) != len(values):
        wrong = str(tuple(shape)).replace(" ", "")
        raise ValueError(f"cannot reshape array of size {len(values)} into shape {wrong}")
    return _nested(values, tuple(shape)) if shape else values[0]


def shape_of_list(value: Any) -> tuple[int, ...]:
    """The shape of the array that nested lists stand for."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    if len(shape) > protocol.NDIM_MAX:
        raise ValueError(f"lists of a response may be {protocol.NDIM_MAX} deep at most")
    return tuple(shape)


def flatten(value: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """The elements of nested lists; raises `ValueError` where they are not of this shape."""
    for length in shape[1:]:
        if not all(isinstance(row, list) and len(row) == length for row in value):
            raise ValueError("lists of a response must have the same length at each depth")
        value = [element for row in value for element in row]
    if any(isinstance(element, list) for element in value):
        raise ValueError("lists of a response must have the same length at each depth")
    return value


def _encode_list(value: Any) -> Encoded:
    shape = shape_of_list(value)
    flat = flatten(value, shape)
    kinds = set(map(type, flat))
    if kinds <= {int, float}:
        dtype = protocol.INT64 if kinds == {int} else protocol.FLOAT64
        try:
            code = protocol.DTYPES[dtype][1]
            body = struct.pack(f"<{len(flat)}{code}", *flat)
        except (struct.error, OverflowError):
            pass
        else:
            return (protocol.NUMBERS, dtype, shape, body)
    return (protocol.LIST, 0, shape, to_json(value))


def is_mixed(value: list[Any], encoded: Encoded) -> bool:
    """Whether an array made of the list says less: its numbers are of several types."""
    kind, _, shape, _ = encoded
    if kind != protocol.NUMBERS:
        return False
    elements: Iterable[Any] = value
    first: Any = value
    for _ in shape[1:]:
        # Rows that are arrays have one type each, and mostly one together.
        first = first[0] if len(first) else first
        if not isinstance(first, (list, tuple)):
            return False
        elements = chain.from_iterable(elements)
    types = set(map(type, elements))
    # A NumPy float64 is a float, too.
    kinds = {next((base for base in _JSON_NUMBERS if issubclass(one, base)), None) for one in types}
    return len(kinds) > 1 and None not in kinds


def _encode_other(value: Any) -> Encoded:
    if isinstance(value, str):
        try:
            return (protocol.TEXT, 0, (), value.encode())
        except UnicodeEncodeError:
            # Half of a surrogate pair, which JSON can say.
            return (protocol.QUOTED, 0, (), to_json(value))
    if isinstance(value, dict):
        return (protocol.JSON, 0, (), to_json(value))
    if isinstance(value, (bytes, bytearray)):
        return (protocol.BINARY, 0, (), bytes(value))
    if protobuf.full_name(value) == protobuf.ANY:
        return (protocol.CUSTOM, 0, (), protobuf.any_to(value))
    raise BadData(f"Unknown data type returned as payload (must be list or np array):{value}")


def encode_without_numpy(value: Any) -> Encoded:
    """A response as an item, where NumPy is not installed."""
    return _encode_list(value) if isinstance(value, list) else _encode_other(value)


if np is not None:
    _CODES = {np.dtype(name): code for code, (name, _, _) in protocol.DTYPES.items()}
    _TYPES = {code: dtype for dtype, code in _CODES.items()}
    _COMPLEX = (np.dtype("complex64"), np.dtype("complex128"))
    _ndarray = np.ndarray

    def _array_from_numbers(
        shape: tuple[int, ...], dtype: int, buffer: Buffer | memoryview, offset: int
    ) -> Any:
        # The same as `copy`, and faster.
        return _ndarray(shape, _TYPES[dtype], buffer, offset).__copy__()

    def empty_array(shape: tuple[int, ...], dtype: int) -> Any:
        """An array of its own, to be filled."""
        return np.empty(shape, _TYPES[dtype])

    def array_bytes(array: Any) -> memoryview:
        """The memory of a contiguous array with at least one element."""
        return memoryview(array.reshape(-1).view(np.uint8))

    def _byte_array(shape: tuple[int, ...], elements: list[bytes]) -> Any:
        array = np.empty(len(elements), object)
        array[:] = elements
        return array.reshape(shape)

    def _array_from_json(
        layout: int, text: memoryview, options: dict[str, Any], budget: Budget | None
    ) -> Any:
        if layout == protocol.LAYOUT_TENSOR_PROTO:
            from . import tensorproto

            message = from_json(text)
            parts = tensorproto.parts(message, budget)
            if parts is None:
                return tensorproto.by_tensorflow(message, budget)
            elements, sides, dtype = parts
            array = np.empty(len(elements), dtype)
            array[:] = elements
            return array.reshape(sides)
        value = from_json(text, **options)
        values, shape = value, None
        if layout != protocol.LAYOUT_NESTED:
            values, shape = _tensor(value, options)
        if budget is not None:
            budget.array(values)
        array = np.array(values)
        return array if shape is None else array.reshape(shape)

    def encode_array(array: Any, source: Any) -> Encoded:
        """An array as an item. `source` is what the component returned: its own list where it
        returned one."""
        dtype = array.dtype
        code = _CODES.get(dtype)
        if code is None and dtype.kind in "iufc" and not dtype.isnative:
            array = array.astype(dtype.newbyteorder("="))
            code = _CODES.get(array.dtype)
        if array.dtype in _COMPLEX:
            if not array.size:
                # Without elements it is as good as one of numbers.
                return encode_array(array.real, array.real)
            from . import tensorproto

            message = tensorproto.of_complex(array)
            return (protocol.TENSOR_PROTO, 0, array.shape, to_json(message))
        # Booleans are not numbers on the wire, and a masked array has nulls in it.
        if code is None or code == protocol.BOOL or isinstance(array, np.ma.MaskedArray):
            if source is array:
                source = array.astype(object) if dtype.kind == "M" else array
                source = source.tolist()
            try:
                text = to_json(source)
            except TypeError:
                # Its own booleans, which are in an array as Python's.
                if not isinstance(source, list):
                    raise
                text = to_json(array.tolist())
            return (protocol.LIST, 0, array.shape, text)
        if array.nbytes < LARGE:
            return (protocol.NUMBERS, code, array.shape, array.tobytes())
        array = np.ascontiguousarray(array, dtype=array.dtype)
        return (protocol.NUMBERS, code, array.shape, array_bytes(np.asarray(array)))

    def begins_with(value: Any, cls: type) -> bool:
        """Whether the first element of nested lists is a `cls`."""
        while isinstance(value, list) and value:
            value = value[0]
        return isinstance(value, cls)

    def encode_with_numpy(value: Any) -> Encoded:
        """A response as an item."""
        if isinstance(value, _ndarray):
            if value.nbytes < LARGE and type(value) is _ndarray:
                code = _CODES.get(value.dtype)
                if code is not None and code != protocol.BOOL:
                    return (protocol.NUMBERS, code, value.shape, value.tobytes())
            return encode_array(value, value)
        if isinstance(value, list):
            if begins_with(value, str):
                Budget().array(value)
            return encode_array(np.array(value), value)
        return _encode_other(value)


def numpy_version() -> str | None:
    """The version of NumPy, if there is one."""
    return None if np is None else str(np.__version__)


# The types of arrays: one or none.
ARRAYS: tuple[type, ...] = () if np is None else (np.ndarray,)


class Codec:
    """Converts between items and values, with or without NumPy."""

    def __init__(self, numpy: bool = np is not None) -> None:
        self.numpy = numpy
        self.encode: Callable[[Any], Encoded]
        self._numbers: Callable[[tuple[int, ...], int, Buffer | memoryview, int], Any]
        self._bytes: Callable[[tuple[int, ...], list[bytes]], Any]
        self._json: Callable[[int, memoryview, dict[str, Any], Budget | None], Any]
        self._names: tuple[bytes | bytearray, list[str]] = (b"", [])
        if numpy:
            self.encode = encode_with_numpy
            self._numbers = _array_from_numbers
            self._bytes = _byte_array
            self._json = _array_from_json
        else:
            self.encode = encode_without_numpy
            self._numbers = _list_from_numbers
            self._bytes = _byte_array_as_list
            self._json = _list_from_json

    def _new_names(self, text: bytes | bytearray) -> Any:
        names = from_json(text)
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            self._names = (text, names.copy())
        return names

    def empty(self) -> Any:
        """The array of an empty `data`."""
        return np.array([]) if self.numpy else []

    def decode(
        self, buffer: Buffer, start: int, end: int, count: int, json_options: dict[str, Any]
    ) -> list[Item]:
        """The items of a request. `json_options` go to the reader of arrays written as JSON.

        Raises `ProtocolError` for a frame that breaks the protocol, and any exception of Python's
        or NumPy's for a payload that makes no array.
        """
        items = []
        budget = Budget() if count > 1 else None
        for _ in range(count):
            item, start = self.item(buffer, start, end, json_options, budget)
            items.append(item)
        if start != end:
            raise ProtocolError(f"a frame has {int(end - start)} bytes after its items")
        return items

    def item(
        self,
        buffer: Buffer,
        at: int,
        end: int,
        json_options: dict[str, Any],
        budget: Budget | None = None,
    ) -> tuple[Item, int]:
        """The item at `at`, and where the next one is; what it takes is taken from `budget`."""
        if at + 24 > end:
            raise ProtocolError("an item begins beyond the end of its frame")
        kind, dtype, ndim, layout, names_size, meta_size, _, size = ITEM.unpack_from(buffer, at)
        at += 24
        after = at + 8 * ndim + names_size + meta_size + size
        if after > end:
            raise ProtocolError(f"an item ends {int(after - end)} bytes beyond its frame")
        shape: tuple[int, ...] = ()
        if ndim:
            shape = SHAPES[ndim].unpack_from(buffer, at)
            at += 8 * ndim
        # A single item that is small cannot take too much.
        if budget is None and after - at > limits.small:
            budget = Budget()
        if budget is not None:
            budget.json(memoryview(buffer)[at : at + names_size])
            budget.json(memoryview(buffer)[at + names_size : after - size])
            if kind in _JSON:
                budget.json(memoryview(buffer)[after - size : after])
        names: Any = []
        if names_size:
            # Most requests of a client have the same names.
            text = buffer[at : at + names_size]
            last, known = self._names
            names = known.copy() if text == last else self._new_names(text)
            at += names_size
        meta = None
        if meta_size:
            # Over gRPC the server writes `{}` for an empty meta.
            meta = {} if meta_size == 2 else from_json(buffer[at : at + meta_size])
            at += meta_size
        value: Any
        if kind == protocol.NUMBERS:
            if dtype == protocol.BYTES:
                elements = inputs.byte_elements(buffer, at, after, prod(shape))
                value = self._bytes(shape, elements)
            else:
                if _SIZES.get(dtype, 0) * prod(shape) != size or dtype not in _SIZES:
                    check_numbers(shape, dtype, size)
                value = self._numbers(shape, dtype, buffer, at)
        elif kind == protocol.LIST:
            view = memoryview(buffer)[at : at + size]
            value = self._json(layout, view, json_options, budget)
        elif kind == protocol.TEXT:
            value = str(memoryview(buffer)[at : at + size], "utf-8", "surrogatepass")
        elif kind in _BYTES:
            value = bytes(memoryview(buffer)[at : at + size])
        elif kind in (protocol.JSON, protocol.MESSAGE):
            value = from_json(memoryview(buffer)[at : at + size])
        elif kind == protocol.NONE:
            value = self.empty() if layout == protocol.LAYOUT_UNSET else None
        elif kind == protocol.CUSTOM:
            value = protobuf.any_from(bytes(memoryview(buffer)[at : at + size]))
        elif kind in _SEVERAL:
            budget = budget or Budget()
            value = self._inputs(buffer, at, after, json_options, budget)
            names = list(value)
            if kind == protocol.COLUMNS:
                value = inputs.as_columns(value, budget, self.numpy)
        else:
            raise ProtocolError(f"unknown kind of item in a request: {int(kind)}")
        return (value, names, meta, kind), after

    def _inputs(
        self,
        buffer: Buffer,
        at: int,
        end: int,
        json_options: dict[str, Any],
        budget: Budget,
    ) -> dict[str, Any]:
        """The inputs of a request that has several, by name."""

        def read(at: int) -> tuple[Any, int]:
            (value, _, _, _), after = self.item(buffer, at, end, json_options, budget)
            return value, after

        return inputs.named(buffer, at, end, read)


_JSON = (protocol.LIST, protocol.JSON, protocol.MESSAGE)
_SEVERAL = (protocol.NAMED, protocol.COLUMNS)
_BYTES = (protocol.BINARY, protocol.PASSTHROUGH, protocol.PROTOBUF, protocol.HTTP)
_SIZES = {code: size for code, (_, _, size) in protocol.DTYPES.items()}


def check_numbers(shape: tuple[int, ...], dtype: int, size: int) -> None:
    """Refuses a body that does not have the size of its array."""
    known = protocol.DTYPES.get(dtype)
    if known is None:
        raise ProtocolError(f"unknown dtype {int(dtype)}")
    if prod(shape) * known[2] != size:
        raise ProtocolError(f"an array of shape {shape} does not take {int(size)} bytes")


if sys.byteorder != "little":
    raise ImportError("the worker protocol is little-endian, and so must the machine be")
