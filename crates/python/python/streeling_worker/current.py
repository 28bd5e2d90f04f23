"""The request that a thread runs, for what the component logs and records meanwhile."""

from __future__ import annotations

import os
import threading
from typing import Any

# Bytes of a `traceparent`: version, trace, span and flags in hexadecimal, with dashes between.
TRACEPARENT = 55


class Current:
    """The request that a serving thread runs. A thread has access to its own only."""

    __slots__ = ("context", "original", "unfinished")

    def __init__(self) -> None:
        # The context of the request's frame as it came, since it is rarely needed; `None` between
        # requests, and for a request that has none.
        self.context: bytes | bytearray | None = None
        # The request as it came, as its item: for a component that wants it, while it runs.
        self.original: bytes | None = None
        # The line that the component has started to print, by stream.
        self.unfinished: dict[Any, str] = {}

    def request_id(self) -> str:
        """The request's id; empty when there is none."""
        context = self.context
        if context is None:
            return ""
        return context.partition(b"\n")[0].decode("utf-8", "backslashreplace")


class _Threads(threading.local):
    # One for all threads that serve nothing, since it never changes.
    current = Current()


threads = _Threads()


def for_this_thread() -> Current:
    """Gives the calling thread a `Current` of its own."""
    threads.current = Current()
    return threads.current


def _forget() -> None:
    # A process that the component forks during a request may outlive the request, and then its
    # unfinished lines would stay so.
    threads.__dict__.pop("current", None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
