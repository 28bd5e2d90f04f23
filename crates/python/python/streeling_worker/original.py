"""The request as its transport received it, for a component that wants to see it."""

from __future__ import annotations

import json
from typing import Any

from . import current
from .payload import Handler, Item, Reply
from .protocol import LENGTH, ProtocolError


class Original:
    """A request as it came, parsed when it is first read."""

    __slots__ = ("_head", "_item", "_start")

    def __init__(self, item: bytes) -> None:
        if len(item) < LENGTH.size:
            raise ProtocolError("an item of a request's head is cut off")
        (length,) = LENGTH.unpack_from(item)
        self._start = LENGTH.size + length
        if self._start > len(item):
            raise ProtocolError("the head of a request reaches beyond its item")
        self._item = item
        self._head: dict[str, Any] | None = None

    @property
    def head(self) -> dict[str, Any]:
        """Its parts, see PROTOCOL.md."""
        if self._head is None:
            self._head = json.loads(self._item[LENGTH.size : self._start])
        return self._head

    @property
    def body(self) -> bytes:
        """The body; empty over gRPC, and where the component wants the head alone."""
        return self._item[self._start :]

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Names in lower case with their values, in the order in which they came."""
        return [(name, value) for name, value in self.head["headers"]]


def kept(handler: Handler) -> Handler:
    """`handler`, whose request is forgotten when it has been run."""

    def handle(items: list[Item]) -> Reply:
        try:
            return handler(items)
        finally:
            current.threads.current.original = None

    return handle


def of_this_thread() -> Original | None:
    """The request that the calling thread or task runs; `None` where it runs none."""
    own = current.visible()
    return None if own.original is None else Original(own.original)
