"""Runs the worker's loop so many times, to have its instructions counted:
`worker.py loop|reference COUNT`.

`reference` is a fixed piece of work of the same kind. It takes more or fewer instructions with
another build of Python, and the loop does so in the same measure.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

PYTHON = Path(__file__).resolve().parents[2] / "crates/python/python"
sys.path.insert(0, str(PYTHON))

import numpy as np  # noqa: E402
from streeling_worker import serve  # noqa: E402
from streeling_worker.methods import Methods  # noqa: E402
from streeling_worker.payload import Codec  # noqa: E402
from tests.support import floats, predict  # noqa: E402

# Replies are held back by the clock, which runs on while instructions are counted.
serve.FLUSH_AFTER = 1 << 62
# Requests that are there at once.
BATCH = 100


class Model:
    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X


class Feed:
    """Takes the place of a data socket: it has `batches` of requests, and drops the replies."""

    def __init__(self, batches: int) -> None:
        self._batch = predict(floats((1, 4), 5.1, 3.5, 1.4, 0.2)) * BATCH
        self._left = batches

    def recv_into(self, view: memoryview, *_: int) -> int:
        if not self._left:
            return 0
        self._left -= 1
        size = len(self._batch)
        view[:size] = self._batch
        return size

    def sendall(self, data: bytes) -> None:
        pass


def loop(count: int) -> None:
    feed: Any = Feed(count // BATCH)
    serve.serve(feed, Methods(Model(), Codec()))


class Work:
    def __init__(self) -> None:
        self.layout = struct.Struct("<QBBHIQQ")
        self.buffer = bytearray(self.layout.size + 32)
        self.known = {number: str(number) for number in range(20)}

    def once(self, number: int) -> bytes:
        head = self.layout.unpack_from(self.buffer)
        array = np.frombuffer(self.buffer, np.float64, 4, self.layout.size).reshape((1, 4)).copy()
        name = self.known.get(number % 20, "")
        text = json.dumps([name, head[0]]).encode()
        return self.layout.pack(len(text), 1, 2, 3, 4, 5, 6) + text + array.tobytes()


def reference(count: int) -> None:
    work = Work()
    for number in range(count):
        work.once(number)


if __name__ == "__main__":
    {"loop": loop, "reference": reference}[sys.argv[1]](int(sys.argv[2]))
