"""The request that a thread is at work on, for what the component logs and records meanwhile."""

from __future__ import annotations

import os
import threading
from typing import Any

# Bytes of a `traceparent`: version, trace, span and flags in hexadecimal, with dashes between.
TRACEPARENT = 55


class Current:
    """What one thread that serves is at work on. Other threads look at their own only."""

    __slots__ = ("context", "unfinished")

    def __init__(self) -> None:
        # The context of the request's frame as it came, since hardly anybody asks; `None` between
        # requests, and for a request that has none.
        self.context: bytearray | None = None
        # By stream, the line that the component has begun to print.
        self.unfinished: dict[Any, str] = {}

    def request_id(self) -> str:
        """The request's id; empty when there is none."""
        context = self.context
        if context is None:
            return ""
        return context.partition(b"\n")[0].decode("utf-8", "backslashreplace")


class _Threads(threading.local):
    # That of every thread which serves nothing: never changed, so it may be one for all.
    current = Current()


threads = _Threads()


def own() -> Current:
    """Gives the thread that calls it a `Current` of its own."""
    threads.current = Current()
    return threads.current


def _forget() -> None:
    # What a component forks within a request may outlive it, and nobody ends its lines.
    threads.__dict__.pop("current", None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
