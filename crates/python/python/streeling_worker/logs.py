"""Sends records of `logging` to the front: one line each on standard error."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

FIELD = "\x1f"
LINE = "\x1e"


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
            line = f"{FIELD}{int(record.levelno)}{FIELD}{name}{FIELD}{message}\n"
            data = line.encode("utf-8", "backslashreplace")
            while data:
                data = data[os.write(self._descriptor, data) :]
        except Exception:
            self.handleError(record)


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
    for stream in (sys.stdout, sys.stderr):
        # They are typed as any text stream; those of an interpreter that just started can do this.
        stream.reconfigure(  # type: ignore[union-attr]
            encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
