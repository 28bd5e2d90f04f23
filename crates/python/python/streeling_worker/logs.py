"""What the component logs and prints, for the front: line by line, each with the request's id."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from typing import Any, TextIO

from .current import Current, threads

FIELD = "\x1f"
LINE = "\x1e"
# Characters of a line that are kept until it ends.
LONGEST = 1 << 16


class FrontHandler(logging.Handler):
    """Writes to the descriptor itself: the component may put what it likes into `sys.stderr`."""

    def __init__(self, descriptor: int = 2) -> None:
        super().__init__()
        self._descriptor = descriptor

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record, in one piece if the pipe allows."""
        try:
            message = self.format(record).replace("\r\n", "\n").replace("\n", LINE)
            name = record.name.replace("\n", " ").replace(FIELD, " ")
            request = threads.current.request_id()
            line = f"{FIELD}{int(record.levelno)}{FIELD}{name}{FIELD}{request}{FIELD}{message}\n"
            data = line.encode("utf-8", "backslashreplace")
            while data:
                data = data[os.write(self._descriptor, data) :]
        except Exception:
            self.handleError(record)


class FrontStream(io.TextIOWrapper):
    """A standard stream that says with each line within which request it was printed.

    There lines are gathered, so that two threads do not mix theirs. Between requests, and on
    threads of the component's own, it is any text stream.
    """

    def write(self, text: str, /) -> int:
        """Writes the lines that `text` ends, and keeps what it begins."""
        current = threads.current
        if current.context is None or not isinstance(text, str):
            return super().write(text)
        unfinished = current.unfinished
        if unfinished:
            whole, end, rest = (unfinished.pop(self, "") + text).rpartition("\n")
        else:
            whole, end, rest = text.rpartition("\n")
        if end:
            self._lines(current, whole)
        if len(rest) > LONGEST:
            self._lines(current, rest)
        elif rest:
            unfinished[self] = rest
        return len(text)

    def _lines(self, current: Current, text: str) -> None:
        head = f"{FIELD}{FIELD}{FIELD}{current.request_id()}{FIELD}"
        super().write(head + text.replace("\n", "\n" + head) + "\n")

    def finish(self, current: Current, text: str) -> None:
        """Writes what is left at the end of a request."""
        # The component may have closed it, or the front be gone.
        with contextlib.suppress(OSError, ValueError):
            self._lines(current, text)


def finish_lines(current: Current) -> None:
    """Ends the lines that the component has not, at the end of a request."""
    unfinished, current.unfinished = current.unfinished, {}
    for stream, text in unfinished.items():
        stream.finish(current, text)


def install(level: Any) -> None:
    """Makes the root logger write to the front, from `level` up; an unknown level is INFO."""
    root = logging.getLogger()
    root.addHandler(FrontHandler())
    try:
        root.setLevel(level.upper() if isinstance(level, str) else level)
    except (TypeError, ValueError):
        root.setLevel(logging.INFO)


def own_streams() -> None:
    """Makes the standard streams arrive line by line, whatever text is printed."""
    # Under both names: a component that puts its own there puts back what the second one holds.
    # The second ones are final to mypy, and any program may set them.
    sys.stdout = sys.__stdout__ = _own(sys.stdout)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _own(sys.stderr)  # type: ignore[misc]


# The streams that the interpreter made, and ours: one that nobody holds any more closes its
# descriptor, through which the others write.
_made: list[TextIO] = []


def _own(stream: Any) -> FrontStream:
    # Whoever has taken hold of it before, a `sitecustomize` for one, may go on with it.
    stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    made = FrontStream(
        stream.buffer,
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
        write_through=stream.write_through,
    )
    # As the interpreter does with those that it makes; mypy knows the attribute as one to be read.
    made.mode = stream.mode  # type: ignore[misc]
    _made.extend((stream, made))
    return made
