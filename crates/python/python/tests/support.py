"""The server's half of the protocol, written once more so that the tests do not depend on it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import struct
import sys
import threading
import unittest
from pathlib import Path
from typing import Any, Callable, TypeVar

from streeling_worker import access
from streeling_worker.methods import Methods
from streeling_worker.payload import Codec
from streeling_worker.serve import serve

PYTHON = Path(__file__).resolve().parents[1]
VECTORS: list[dict[str, Any]] = json.loads((PYTHON.parent / "vectors.json").read_text())

# A test, or a class of them.
Test = TypeVar("Test", bound=Callable[..., Any])

# Seconds. It guards against a hang: nothing that a test waits for takes so long.
TIMEOUT = 60

FRAME = struct.Struct("<QBBHIQQ")
ITEM = struct.Struct("<BBBBIIIQ")


def is_there(module: str) -> bool:
    """Whether a module can be imported."""
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.util.find_spec(module) is not None
    return False


def needs(*modules: str) -> Callable[[Test], Test]:
    """Skips a test in a run without what can be installed, which is one of the cases that the tests
    are run in: with STREELING_TEST_WITHOUT=1. In any other run the modules must be there."""
    missing = [name for name in modules if not is_there(name)]
    without = os.environ.get("STREELING_TEST_WITHOUT") == "1"
    if without and not missing:
        raise RuntimeError(f"{', '.join(modules)}: there, in a run that is to be without")
    if missing and not without:
        raise ImportError(f"no {', '.join(missing)} in {sys.prefix}")
    return unittest.skipIf(without, f"needs {', '.join(modules)}")


def frame(
    kind: int,
    body: bytes = b"",
    method: int = 0,
    items: int = 0,
    context: bytes = b"",
    identity: int = 0,
    deadline: int = 0,
) -> bytes:
    body = context + body
    return FRAME.pack(len(body), kind, method, len(context), items, identity, deadline) + body


def item(
    kind: int,
    body: bytes = b"",
    dtype: int = 0,
    shape: tuple[int, ...] = (),
    layout: int = 0,
    names: bytes = b"",
    meta: bytes = b"",
) -> bytes:
    head = ITEM.pack(kind, dtype, len(shape), layout, len(names), len(meta), 0, len(body))
    return head + struct.pack(f"<{len(shape)}q", *shape) + names + meta + body


def floats(shape: tuple[int, ...], *values: float, **other: Any) -> bytes:
    return item(1, struct.pack(f"<{len(values)}d", *values), 12, shape, **{"layout": 1, **other})


def original(
    target: str = "/predict",
    verb: str = "POST",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = b"",
    transport: str = "rest",
    allowed: str | None = None,
) -> bytes:
    """An item that holds a request as it came."""
    head = {
        "transport": transport,
        "method": verb,
        "target": target,
        "headers": headers or [],
        "peer": ["127.0.0.1", 4711],
        "allowed": allowed,
    }
    text = json.dumps(head).encode()
    return item(12, struct.pack("<I", len(text)) + text + body)


def byte_elements(*elements: bytes) -> bytes:
    """The body of an array of bytes."""
    return b"".join(struct.pack("<I", len(element)) + element for element in elements)


def named(**inputs: bytes) -> bytes:
    """The body of an item that holds these."""
    return b"".join(
        struct.pack("<I", len(name.encode())) + name.encode() + item
        for name, item in inputs.items()
    )


def predict(
    body: bytes, identity: int = 1, method: int = 1, items: int = 1, context: bytes = b""
) -> bytes:
    return frame(6, body, method, items, context, identity)


class Response:
    """A reply or an error, taken apart."""

    def __init__(self, head: tuple[int, ...], body: bytes) -> None:
        self.length, self.frame_kind, _, _, self.micros, self.identity, self.entered = head
        self.error: dict[str, Any] = {}
        if self.frame_kind == 8:
            self.error = json.loads(body)
            return
        self.kind, self.dtype, ndim, _, names, meta, _, size = ITEM.unpack_from(body)
        at = ITEM.size + 8 * ndim
        self.shape = struct.unpack_from(f"<{ndim}q", body, ITEM.size)
        self.names_text = body[at : at + names]
        self.names = json.loads(body[at : at + names]) if names else None
        self.meta = json.loads(body[at + names : at + names + meta]) if meta else None
        self.body = body[at + names + meta :]
        assert len(self.body) == size

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def floats(self) -> tuple[float, ...]:
        return struct.unpack(f"<{len(self.body) // 8}d", self.body)


class Server:
    """A component served by a thread over a socket pair."""

    def __init__(
        self, component: object, numpy: bool | None = None, folder: str | None = None
    ) -> None:
        """With its `folder`, what the component asks for is put around its methods."""
        self.sock, self._other = socket.socketpair()
        self.sock.settimeout(TIMEOUT)
        self.fault: BaseException | None = None
        methods = Methods(component, Codec() if numpy is None else Codec(numpy))
        self.ready = {}
        if folder is not None:
            self.ready = access.prepare(methods, component, access.Names(folder))
        self._thread = threading.Thread(target=self._serve, args=(methods,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _serve(self, methods: Methods) -> None:
        try:
            serve(self._other, methods)
        except BaseException as error:
            self.fault = error
        self._other.close()

    def close(self) -> None:
        # Refused where the other end is closed already.
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive(), "the loop did not end with its socket"
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def response(self) -> Response:
        head = FRAME.unpack(receive(self.sock, FRAME.size))
        return Response(head, receive(self.sock, head[0]))

    def call(self, body: bytes, method: int = 1, items: int = 1, context: bytes = b"") -> Response:
        self.send(predict(body, 1, method, items, context))
        return self.response()


def receive(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise EOFError("the worker closed its socket")
        data += part
    return bytes(data)


TEXT = item(3, b"x")


class Calls:
    """A component that counts its calls, and returns what `make` returns for X."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.count = 0
        # Threads of a worker call it at once.
        self._lock = threading.Lock()

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        with self._lock:
            self.count += 1
        return self.make(X)


def raising(error: BaseException) -> Calls:
    """A component that raises `error`."""

    def make(_: Any) -> Any:
        raise error

    return Calls(make)


def call(component: object, body: bytes = TEXT, method: int = 1, items: int = 1) -> Response:
    """The response of a component that is served for one request."""
    with Server(component) as server:
        return server.call(body, method, items)
