"""A component that follows a script: its requests name what it does."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any


class Scripted:
    """Returns what it got; a dict with `step` names one of the methods below."""

    def __init__(self, **parameters: Any) -> None:
        self.parameters = parameters
        self._lock = threading.Lock()
        self._inside = 0
        self._peak = 0

    def predict(self, X: Any, names: Any, meta: dict[str, Any] | None = None) -> Any:
        if isinstance(X, dict) and "step" in X:
            return getattr(self, X["step"])(**X.get("with", {}))
        return X

    def pid(self) -> Any:
        return {"pid": os.getpid()}

    def sleep(self, seconds: float, number: int = 0) -> Any:
        """Returns `number` later."""
        time.sleep(seconds)
        return {"number": number}

    def hold(self, until: str, number: int = 0) -> Any:
        """Prints that it is there, and returns when there is a file of the name `until`: where it
        was called, and the most calls that were ever inside at once."""
        with self._lock:
            self._inside += 1
            self._peak = max(self._peak, self._inside)
        print(f"held with {int(number)}", file=sys.stderr)
        while not Path(until).exists():
            time.sleep(0.005)
        with self._lock:
            self._inside -= 1
            return {"number": number, "pid": os.getpid(), "peak": self._peak}

    def freeze(self) -> None:
        """Never returns, nor gives the interpreter lock away."""
        sum(range(10**15))

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(60)

    def say(self, text: str, times: int = 1) -> Any:
        for _ in range(times):
            print(text)
        return {"said": times}

    def complain(self, text: str, times: int = 1) -> Any:
        """As `say`, to standard error and in parts."""
        for _ in range(times):
            for part in text:
                sys.stderr.write(part)
            sys.stderr.write("\n")
        return {"said": times}

    def log(self, text: str, extra: dict[str, Any] | None = None) -> Any:
        logging.getLogger("scripted").warning(text, extra=extra)
        return {}

    def fail(self, text: str) -> None:
        raise ValueError(text)

    def given(self) -> Any:
        """The parameters of the class, with their types."""
        return {
            name: [type(value).__name__, value] for name, value in sorted(self.parameters.items())
        }
