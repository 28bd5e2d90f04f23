"""Requests with several inputs: a dict of them by name, or the columns of one array."""

from __future__ import annotations

from typing import Any, Callable

from . import protocol
from .errors import BadData
from .limits import Budget
from .protocol import LENGTH, Buffer, ProtocolError

try:
    import numpy as np
except ImportError:
    # A module that may be missing has no type of its own.
    np = None  # type: ignore[assignment]

# What an input may be.
_KINDS = (
    protocol.NONE,
    protocol.NUMBERS,
    protocol.LIST,
    protocol.TEXT,
    protocol.BINARY,
    protocol.JSON,
    protocol.CUSTOM,
)


def named(
    buffer: Buffer, at: int, end: int, read: Callable[[int], tuple[Any, int]]
) -> dict[str, Any]:
    """The inputs up to `end`, by name; `read` returns the value of an item and where it ends."""
    inputs: dict[str, Any] = {}
    while at < end:
        text, at = _behind_length(buffer, at, end)
        name = str(text, "utf-8", "surrogatepass")
        if name in inputs:
            raise ProtocolError(f"two inputs have the name {name!r}")
        if at < end and buffer[at] not in _KINDS:
            raise ProtocolError(f"unknown kind of item in an input: {int(buffer[at])}")
        inputs[name], at = read(at)
    return inputs


def _behind_length(buffer: Buffer, at: int, end: int) -> tuple[memoryview, int]:
    """The bytes behind their length, and where they end."""
    start = at + LENGTH.size
    if start <= end:
        (length,) = LENGTH.unpack_from(buffer, at)
        if start + length <= end:
            return memoryview(buffer)[start : start + length], start + length
    raise ProtocolError("a length reaches beyond its item")


def byte_elements(buffer: Buffer, at: int, end: int, count: int) -> list[bytes]:
    """So many elements of bytes, which fill the room up to `end`."""
    if count * LENGTH.size > end - at:
        raise ProtocolError(f"{int(count)} elements of bytes do not fit {int(end - at)} bytes")
    elements = []
    for _ in range(count):
        element, at = _behind_length(buffer, at, end)
        elements.append(bytes(element))
    if at != end:
        raise ProtocolError(f"an array of bytes has {int(end - at)} bytes after its elements")
    return elements


def as_columns(inputs: dict[str, Any], budget: Budget, numpy: bool) -> Any:
    """One array with a column for each of the inputs, in their order.

    Numbers of several dtypes become what NumPy promotes them to, and where there is text or bytes
    among them all become objects. Raises `BadData` where the inputs do not have one length.
    """
    shapes = {name: _shape(value, numpy) for name, value in inputs.items()}
    for name, shape in shapes.items():
        if len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
            raise BadData(
                f"the input {name!r} of shape {list(shape)} is no column: it must be of shape [n] "
                "or [n, 1]"
            )
    rows = {name: shape[0] for name, shape in shapes.items()}
    if len(set(rows.values())) > 1:
        counts = ", ".join(f"{name!r} has {int(count)}" for name, count in rows.items())
        raise BadData(f"columns must have the same number of rows: {counts}")
    count = max(rows.values(), default=0)
    if not numpy:
        return _rows(list(inputs.values()), count)
    columns = [value.reshape(-1) for value in inputs.values()]
    array = np.empty((count, len(columns)), _dtype([column.dtype for column in columns]))
    if array.dtype == object:
        budget.objects(array.size)
    for index, column in enumerate(columns):
        array[:, index] = column
    return array


def _shape(value: Any, numpy: bool) -> tuple[int, ...]:
    if numpy:
        return value.shape if isinstance(value, np.ndarray) else ()
    if not isinstance(value, list):
        return ()
    widths = {len(row) if isinstance(row, list) else None for row in value}
    if widths <= {None}:
        return (len(value),)
    # Of lists that differ in length the longest is no column in any case.
    return (len(value), 1) if widths == {1} else (len(value), 0)


def _rows(columns: list[list[Any]], count: int) -> list[list[Any]]:
    flat = [[row[0] if isinstance(row, list) else row for row in column] for column in columns]
    return [[column[row] for column in flat] for row in range(count)]


def _dtype(dtypes: list[Any]) -> Any:
    if all(dtype.kind in "biuf" for dtype in dtypes):
        return np.result_type(*dtypes) if dtypes else np.dtype(float)
    return np.dtype(object)
