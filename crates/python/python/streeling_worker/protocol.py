"""Frames and items of the worker protocol: numbers, layouts, the plain way to read and write."""

from __future__ import annotations

import errno
import json
import os
import socket
from mmap import mmap
from struct import Struct
from typing import Any, Union

VERSION = 6

# What frames are read from, and parts of it.
Buffer = Union[bytes, bytearray, mmap]

PACKAGE, HELLO, LOAD, READY, FAILED, REQUEST, REPLY, ERROR = range(1, 9)
CONSTRUCT, CONSTRUCTED, FORK, FORKED, DATA, RELEASE, STACKS = range(9, 16)
TAKE_OVER, TAKEN = 16, 17

PREDICT, TRANSFORM_INPUT, TRANSFORM_OUTPUT, ROUTE, AGGREGATE, SEND_FEEDBACK, HEALTH_STATUS = range(
    1, 8
)
METHODS = {
    PREDICT: "predict",
    TRANSFORM_INPUT: "transform_input",
    TRANSFORM_OUTPUT: "transform_output",
    ROUTE: "route",
    AGGREGATE: "aggregate",
    SEND_FEEDBACK: "send_feedback",
    HEALTH_STATUS: "health_status",
}

# A page of the component's own.
PAGE = 9

# In a method's number: the caller reads several tensors, each with its name.
TENSORS = 0x80

NONE, NUMBERS, LIST, TEXT, BINARY, JSON = range(6)
MESSAGE, PASSTHROUGH, CUSTOM, PROTOBUF, NAMED, HTTP, TENSOR_PROTO, QUOTED = 6, *range(8, 15)
COLUMNS = 15

LAYOUT_NONE, LAYOUT_NESTED, LAYOUT_FLAT, LAYOUT_TENSOR_PROTO, LAYOUT_UNSET = range(5)

# Code of a dtype whose elements have one size -> (name in NumPy, format in `struct`, bytes).
DTYPES = {
    1: ("bool", "?", 1),
    2: ("int8", "b", 1),
    3: ("int16", "h", 2),
    4: ("int32", "i", 4),
    5: ("int64", "q", 8),
    6: ("uint8", "B", 1),
    7: ("uint16", "H", 2),
    8: ("uint32", "I", 4),
    9: ("uint64", "Q", 8),
    10: ("float16", "e", 2),
    11: ("float32", "f", 4),
    12: ("float64", "d", 8),
}
BOOL, INT64, FLOAT64 = 1, 5, 12
# Each element stands behind its length.
BYTES = 13

# length, kind, method, context, count, id, moment. The count of a request is that of its items,
# that of a reply the microseconds in the component; the moment of a request is its deadline, that
# of a reply when the component was entered.
FRAME = Struct("<QBBHIQQ")
# kind, dtype, ndim, layout, names, meta, 0, body
ITEM = Struct("<BBBBIIIQ")
# Of an array: what fits the item.
NDIM_MAX = 255
# What stands before an element of bytes, and before the name of an input.
LENGTH = Struct("<I")

# By the number of dimensions: the shape of an array, and a reply of one item up to its names
# (frame, item, shape). Lists, since they are looked up in for every request.
SHAPES = [Struct(f"<{int(ndim)}q") for ndim in range(NDIM_MAX + 1)]
REPLIES = [Struct(f"<QBBHIQQBBBBIIIQ{int(ndim)}q") for ndim in range(NDIM_MAX + 1)]


class ProtocolError(Exception):
    """The server broke the protocol: the worker must end."""


def to_json(value: Any) -> bytes:
    """A value of the worker's own as JSON, which may hold lone surrogates."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def frame(
    kind: int,
    body: bytes,
    *,
    count: int = 0,
    identity: int = 0,
    moment: int = 0,
) -> bytes:
    """A frame, header and body."""
    return FRAME.pack(len(body), kind, 0, 0, count, identity, moment) + body


def receive(sock: socket.socket, view: memoryview) -> bool:
    """Fills `view`; `False` when the other side has closed before that."""
    while view:
        count = sock.recv_into(view)
        if count == 0:
            return False
        view = view[count:]
    return True


# Descriptors that come with one frame at most, which is less than the system allows.
DESCRIPTORS = 128


# What the component puts in their place is not for us.
_Socket = socket.socket
_default_timeout, _set_default_timeout = socket.getdefaulttimeout, socket.setdefaulttimeout


def socket_of(descriptor: int) -> socket.socket:
    """A socket that blocks, whatever the component has made the default: a time limit would hold
    for all that have the socket."""
    default = _default_timeout()
    _set_default_timeout(None)
    try:
        return _Socket(fileno=descriptor)
    finally:
        _set_default_timeout(default)


def read_frame(sock: socket.socket) -> tuple[int, bytearray, list[int]] | None:
    """The kind, the body and the descriptors of the next frame of a control socket, or `None` at
    its end. Raises `OSError` where the process may not open so many."""
    size = socket.CMSG_SPACE(DESCRIPTORS * _DESCRIPTOR.size)
    head, ancillary, flags, _ = sock.recvmsg(FRAME.size, size, _CLOSE_ON_EXEC)
    descriptors = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            whole = len(data) - len(data) % _DESCRIPTOR.size
            descriptors += [number for (number,) in _DESCRIPTOR.iter_unpack(data[:whole])]
    if flags & socket.MSG_CTRUNC:
        for number in descriptors:
            os.close(number)
        raise OSError(errno.EMFILE, "the process may not open so many files (ulimit -n)")
    rest = bytearray(FRAME.size - len(head))
    if not head or not receive(sock, memoryview(rest)):
        return None
    length, kind, *_ = FRAME.unpack(head + rest)
    body = bytearray(length)
    if not receive(sock, memoryview(body)):
        return None
    return kind, body, descriptors


_DESCRIPTOR = Struct("=i")
# Elsewhere than on Linux they are received first, and marked then.
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
