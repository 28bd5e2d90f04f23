"""A component whose response is a function of the request, and which keeps a ledger of its calls.

Each request carries its number, an operation and an argument of that: three numbers before the
others of an array, 24 bytes before those of binary data, 48 digits before those of a text. Eight
bytes alone are a number.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import stat
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np

DIGEST, ECHO, SLEEP, HANG, EXIT, GARBAGE, GROW, RAISE, LOCK = range(9)

HEADER = struct.Struct("<QQQ")
ENTRY = struct.Struct("<QII")

# How long what GROW takes is kept.
KEPT_SECONDS = 3.0


class Accounted:
    thread_safe = True

    def __init__(self, ledger: str = os.devnull) -> None:
        self.path = ledger
        self.grown: list[tuple[float, Any]] = []

    def load(self) -> None:
        self.ledger = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        number, operation, argument = header_of(X)
        # One write of so few bytes is never mixed with another's.
        os.write(self.ledger, ENTRY.pack(number, os.getpid(), operation))
        self.grown = [one for one in self.grown if one[0] > time.monotonic()]
        if operation == ECHO:
            return X
        if operation == SLEEP:
            time.sleep(argument / 1000)
        elif operation == HANG:
            while True:
                time.sleep(0.1)
        elif operation == EXIT:
            os.kill(os.getpid(), signal.SIGSEGV if argument else signal.SIGKILL)
            # The signal may come to another thread.
            time.sleep(60)
        elif operation == GARBAGE:
            spoil(argument)
            time.sleep(60)
        elif operation == GROW:
            until = time.monotonic() + KEPT_SECONDS
            self.grown.append((until, np.ones(argument << 20, np.uint8)))
        elif operation == RAISE:
            raise ValueError(f"on purpose in {number}")
        elif operation == LOCK:
            # One call into C that does not give the interpreter lock up; a million take some 10 ms.
            sum(itertools.repeat(1, argument * 100_000))
        return digest(X, number)

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self.predict(X, names)

    def aggregate(self, Xs: Any, names: Any, metas: Any = None) -> Any:
        responses = [self.predict(X, None) for X in Xs]
        if isinstance(responses[0], np.ndarray):
            return np.concatenate(responses)
        return "+".join(responses)


def header_of(X: Any) -> tuple[int, int, int]:
    if isinstance(X, np.ndarray):
        number, operation, argument = X.ravel()[:3].tolist()
        return int(number), int(operation), int(argument)
    if len(X) == 8:
        return int.from_bytes(X, "little"), DIGEST, 0
    raw = bytes.fromhex(X[:48]) if isinstance(X, str) else X[: HEADER.size]
    number, operation, argument = HEADER.unpack(raw)
    return number, operation, argument


def digest(X: Any, number: int) -> Any:
    """The number, how many values there are, and their sum: an array for an array, else a text."""
    if isinstance(X, np.ndarray):
        return np.array([[float(number), float(X.size), float(X.sum())]])
    data = np.frombuffer(X.encode() if isinstance(X, str) else X, np.uint8)
    return f"{number}:{data.size}:{int(data.sum(dtype=np.uint64))}"


def spoil(argument: int) -> None:
    """Writes nonsense to the server on every socket of this worker, or closes them."""
    # A reply of the protocol's form: length, kind, method, context, count, id, moment.
    reply = struct.pack("<QBBHIQQ", 0, 7, 0, 0, 0, 2**40 + 7, 0)
    nonsense = [
        os.urandom(64),
        reply,
        # Longer than anything that is allowed.
        struct.pack("<QBBHIQQ", 2**62, 7, 0, 0, 0, 1, 0),
        # Half of a header, and the end.
        reply[:16],
        b"",
    ][argument % 5]
    for entry in list(Path("/proc/self/fd").iterdir()):
        number = int(entry.name)
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            with socket.socket(fileno=os.dup(number)) as one:
                if one.family != socket.AF_UNIX:
                    continue
                if nonsense:
                    one.sendall(nonsense)
                if len(nonsense) < 32:
                    one.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
