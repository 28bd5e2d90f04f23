"""The request that a thread runs, or a task, for what the component logs and records meanwhile."""

from __future__ import annotations

import os
import threading
from contextvars import ContextVar
from typing import Any, Callable

# Bytes of a `traceparent`: version, trace, span and flags in hexadecimal, with dashes between.
TRACEPARENT = 55


class Current:
    """A request that is run. A thread has access to its own only, and so has a task."""

    __slots__ = ("context", "frame", "original", "unfinished")

    def __init__(self) -> None:
        # The context of the request's frame as it came, since it is rarely needed; `None` between
        # requests, and for a request that has none.
        self.context: bytes | bytearray | None = None
        # The request as it came, as its item: for a component that wants it, while it runs.
        self.original: bytes | None = None
        # The line that the component has started to print, by stream.
        self.unfinished: dict[Any, str] = {}
        # Gives the id and the deadline of the request that the thread runs.
        self.frame: Callable[[], tuple[int, int]] | None = None

    def request_id(self) -> str:
        """The request's id; empty when there is none."""
        context = self.context
        if context is None:
            return ""
        return context.partition(b"\n")[0].decode("utf-8", "backslashreplace")


# For all threads that run nothing, since it never changes.
_NOTHING = Current()

# Of a task on the event loop, and of what has been started with its context.
of_task: ContextVar[Current | None] = ContextVar("streeling_request", default=None)


class _Threads(threading.local):
    # Of a thread that serves.
    own: Current | None = None
    # This thread runs the event loop.
    is_loop = False

    @property
    def current(self) -> Current:
        """The request that the calling thread runs, which it alone can change."""
        found = self.own
        if found is None and self.is_loop:
            found = of_task.get()
        return _NOTHING if found is None else found


threads = _Threads()


def for_this_thread() -> Current:
    """Gives the calling thread a `Current` of its own."""
    own = threads.own = Current()
    return own


def visible() -> Current:
    """The request that the calling thread runs, or works for: as it is with `asyncio.to_thread`."""
    return threads.own or of_task.get() or _NOTHING


def _forget() -> None:
    # A process that the component forks during a request may outlive the request, and then its
    # unfinished lines would stay so.
    threads.__dict__.clear()
    of_task.set(None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
