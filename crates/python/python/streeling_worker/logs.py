"""Sends what the component logs and prints to the server, each line with the request's id."""

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


class LogHandler(logging.Handler):
    """Writes to the descriptor itself, since the component may replace `sys.stderr`."""

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


class TaggedStream(io.TextIOWrapper):
    """A standard stream that adds the request's id to each line that is printed during a request.

    Such a line is gathered until it ends, so that two threads do not mix theirs. Between requests,
    and on the component's own threads, it is an ordinary text stream.
    """

    def write(self, text: str, /) -> int:
        """Writes the lines that end in `text`, and keeps the rest."""
        current = threads.current
        if current.context is None or not isinstance(text, str):
            return super().write(text)
        unfinished = current.unfinished
        if unfinished:
            lines, end, rest = (unfinished.pop(self, "") + text).rpartition("\n")
        else:
            lines, end, rest = text.rpartition("\n")
        if end:
            self._write_lines(current, lines)
        if len(rest) > LONGEST:
            self._write_lines(current, rest)
        elif rest:
            unfinished[self] = rest
        return len(text)

    def _write_lines(self, current: Current, text: str) -> None:
        head = f"{FIELD}{FIELD}{FIELD}{current.request_id()}{FIELD}"
        super().write(head + text.replace("\n", "\n" + head) + "\n")

    def finish(self, current: Current, text: str) -> None:
        """Writes what is left at the end of a request."""
        # The component may have closed it, or the server may be gone.
        with contextlib.suppress(OSError, ValueError):
            self._write_lines(current, text)


def finish_lines(current: Current) -> None:
    """Ends the lines that the component has not ended, at the end of a request."""
    unfinished, current.unfinished = current.unfinished, {}
    for stream, text in unfinished.items():
        stream.finish(current, text)


def install(level: Any) -> None:
    """Makes the root logger write to the server, from `level` up; an unknown level is INFO."""
    root = logging.getLogger()
    root.addHandler(LogHandler())
    try:
        root.setLevel(level.upper() if isinstance(level, str) else level)
    except (TypeError, ValueError):
        root.setLevel(logging.INFO)


def replace_streams() -> None:
    """Makes the standard streams arrive line by line, whatever text is printed."""
    # Under both names: a component that replaces a stream for a while restores it from the second
    # one. To mypy the second ones are final, but any program may set them.
    sys.stdout = sys.__stdout__ = _tagged(sys.stdout)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _tagged(sys.stderr)  # type: ignore[misc]


# The streams of the interpreter and ours: one that is collected as garbage would close its
# descriptor, to which the others write.
_kept: list[TextIO] = []


def _tagged(stream: Any) -> TaggedStream:
    # Code that has kept a reference to it, a `sitecustomize` for one, may go on to use it.
    stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    tagged = TaggedStream(
        stream.buffer,
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
        write_through=stream.write_through,
    )
    # As the interpreter does with its own; to mypy the attribute is read-only.
    tagged.mode = stream.mode  # type: ignore[misc]
    _kept.extend((stream, tagged))
    return tagged
