"""The standard streams, and the handler that writes what reaches Python's root logger.

What the component prints goes out as it is: nothing is put around it. Only the handler's own lines
have the form of the server's log, with the number of the worker and the request's id.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import re
import sys
import time
from typing import Any, Callable, TextIO

from .current import Current, threads, visible

# As the server names its own parts.
TARGET = "streeling::worker"
# Python's levels are numbers; one between two names counts as the lower.
_LEVELS = ((logging.ERROR, "ERROR"), (logging.WARNING, "WARN"), (logging.INFO, "INFO"))
# Characters of a line that are kept until it ends.
LONGEST = 1 << 16
# What could move the cursor of a terminal, or look like another line.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
# The attributes of a record that it has without any `extra`, or gets when it is formatted.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogHandler(logging.Handler):
    """Writes to the descriptor itself, since the component may replace `sys.stderr`."""

    def __init__(self, worker: int | None = 0, as_json: bool = False, descriptor: int = 2) -> None:
        """A template is no `worker`."""
        super().__init__()
        self._descriptor = descriptor
        self.worker = worker
        self._line: Callable[[logging.LogRecord], str] = self._json if as_json else self._text
        # What has been printed to it before comes first.
        self._stream: TextIO | None = sys.stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record, in one piece if the pipe allows."""
        try:
            data = self._line(record).encode("utf-8", "backslashreplace")
            # The component may have closed it.
            with contextlib.suppress(AttributeError, OSError, ValueError):
                self._stream.flush()  # type: ignore[union-attr]
            while data:
                data = data[os.write(self._descriptor, data) :]
        except Exception:
            self.handleError(record)

    def _text(self, record: logging.LogRecord) -> str:
        """The fields stand on the first line; the others are indented, so that a text cannot look
        like a line of the server's."""
        first, end, rest = escape(self.format(record)).partition("\n")
        request = visible().request_id()
        fields = f"logger={json.dumps(record.name, ensure_ascii=False)}"
        if self.worker is not None:
            fields = f"worker={self.worker} {fields}"
        if request:
            fields += f" request_id={request}"
        if end:
            rest = "\n    " + rest.replace("\n", "\n    ")
        return f"{_moment(record)} {_level(record):>5} {TARGET}: {first} {fields}{rest}\n"

    def _json(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "timestamp": _moment(record),
            "level": _level(record),
            "message": self.format(record),
            "worker": self.worker,
            "logger": record.name,
            "target": TARGET,
        }
        if self.worker is None:
            del fields["worker"]
        request = visible().request_id()
        if request:
            fields["request_id"] = request
        parts = [f"{_to_json(name)}:{_to_json(value)}" for name, value in fields.items()]
        for name, value in vars(record).items():
            if name not in _OWN:
                name = f"extra_{name}" if name in fields else name
                parts.append(f"{_to_json(str(name))}:{_to_json(value)}")
        return "{" + ",".join(parts) + "}\n"


def _moment(record: logging.LogRecord) -> str:
    whole = int(record.created)
    micros = int((record.created - whole) * 1e6)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(whole))}.{micros:06}Z"


def _level(record: logging.LogRecord) -> str:
    return next((name for least, name in _LEVELS if record.levelno >= least), "DEBUG")


def escape(text: str) -> str:
    """The text with control characters written as escapes, all but line feeds and tabs."""
    return _CONTROLS.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    # Python's own spelling, as in "\r" or "\x1b".
    return repr(found.group())[1:-1]


def _to_json(value: Any) -> str:
    """A value of `extra` may be anything; what is no JSON is its text."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return json.dumps(str(value), ensure_ascii=False)


class LineStream(io.TextIOWrapper):
    """A standard stream that several threads print to: a line that one of them prints in parts is
    gathered until it ends, so that two threads do not mix theirs.

    Between requests, and on the component's own threads, it is an ordinary text stream.
    """

    def write(self, text: str, /) -> int:
        """Writes the lines that end in `text`, and keeps the rest."""
        current = threads.current
        if current.context is None or not isinstance(text, str):
            return super().write(text)
        unfinished = current.unfinished
        whole = unfinished.pop(self, "") + text if unfinished else text
        lines, end, rest = whole.rpartition("\n")
        if len(rest) > LONGEST:
            lines, end, rest = whole, "", ""
        if lines or end:
            super().write(lines + end)
        if rest:
            unfinished[self] = rest
        return len(text)

    def flush(self) -> None:
        """Writes the calling thread's part of a line, too."""
        text = threads.current.unfinished.pop(self, "")
        if text:
            super().write(text)
        super().flush()

    def finish(self, text: str) -> None:
        """Writes what is left at the end of a request."""
        # The component may have closed it, or the server may be gone.
        with contextlib.suppress(OSError, ValueError):
            super().write(text)


def finish_lines(current: Current) -> None:
    """Writes the lines that the component has not ended, at the end of a request."""
    unfinished, current.unfinished = current.unfinished, {}
    for stream, text in unfinished.items():
        # The component may have closed it, or what lies below it.
        with contextlib.suppress(Exception):
            stream.finish(text)


def prepare_streams(several_threads: bool) -> None:
    """Makes the standard streams arrive line by line, whatever text is printed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        # Code that has kept a reference to it, a `sitecustomize` for one, may go on to use it.
        stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
        if several_threads:
            gathering = _gathering(stream)
            # Under both names: a component that replaces a stream for a while restores it from the
            # second one.
            setattr(sys, name, gathering)
            setattr(sys, f"__{name}__", gathering)


# The streams of the interpreter and ours: one that is collected as garbage would close its
# descriptor, to which the others write.
_kept: list[TextIO] = []


def _gathering(stream: Any) -> LineStream:
    gathering = LineStream(
        stream.buffer,
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
        write_through=stream.write_through,
    )
    # As the interpreter does with its own; to mypy the attribute is read-only.
    gathering.mode = stream.mode  # type: ignore[misc]
    _kept.extend((stream, gathering))
    return gathering


def install(level: Any, worker: int | None, as_json: bool) -> LogHandler:
    """Makes the root logger write to standard error, from `level` up; an unknown level is INFO."""
    root = logging.getLogger()
    handler = LogHandler(worker, as_json)
    root.addHandler(handler)
    try:
        root.setLevel(level.upper() if isinstance(level, str) else level)
    except (TypeError, ValueError):
        root.setLevel(logging.INFO)
    return handler
