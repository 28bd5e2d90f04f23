"""The request that a thread runs, as the thread sees it."""

from __future__ import annotations

import os
import sys
import threading
import unittest
import warnings
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import protocol
from streeling_worker.current import threads

from tests.support import Response, Server, floats, frame, item

TEXT = item(3, b"x")
ID = b"a-1"
TRACEPARENT = b"00-000102030405060708090a0b0c0d0e0f-0011223344556677-01"
TRACED = ID + b"\n" + TRACEPARENT


def _request_id() -> str:
    return threads.current.request_id()


class Looks:
    """Returns what `look` finds while the request is run."""

    def __init__(self, look: Any = _request_id) -> None:
        self.look = look

    def predict(self, X: Any, names: Any) -> Any:
        if isinstance(X, str) and X == "fail":
            raise ValueError(self.look())
        return self.look()


def call(look: Any, context: bytes = ID, body: bytes = TEXT) -> Response:
    with Server(Looks(look)) as server:
        return server.call(body, context=context)


class Context(unittest.TestCase):
    def test_each_request_has_its_own(self) -> None:
        with Server(Looks()) as server:
            for context, found in (
                (ID, b"a-1"),
                (TRACED, b"a-1"),
                (b"", b""),
                (b"\xc3\xa9\xff\n", b"\xc3\xa9\\xff"),
                (b"x" * 128 + b"\n" + TRACEPARENT, b"x" * 128),
            ):
                self.assertEqual(server.call(TEXT, context=context).body, found)
            failed = server.call(item(3, b"fail"), context=ID)
            self.assertEqual(failed.error["info"], "a-1")
            self.assertEqual(server.call(TEXT).body, b"")

    def test_items_after_it_are_not_changed(self) -> None:
        class Echoes:
            def predict(self, X: Any, names: Any) -> Any:
                return X

        with Server(Echoes()) as server:
            for context in (b"", ID, TRACED):
                response = server.call(floats((1, 2), 0.5, 2), context=context)
                self.assertEqual(response.floats, (0.5, 2))
                # More than is read at once: an array, and a payload of another kind.
                values = [float(n) for n in range(100_000)]
                response = server.call(floats((100_000,), *values), context=context)
                self.assertEqual(response.floats, tuple(values))
                big = b"z" * 1_000_000
                self.assertEqual(server.call(item(3, big), context=context).body, big)
                self.assertEqual(server.call(b"", 7, 0, context=context).body, b"healthy")

    def test_large_requests_have_one(self) -> None:
        array = floats((100_000,), *([1.0] * 100_000))
        with Server(Looks()) as server:
            for body in (array, item(3, b"z" * 1_000_000)):
                self.assertEqual(server.call(body, context=TRACED).body, ID)
                self.assertEqual(server.call(body).body, b"")

    def test_one_that_comes_in_small_pieces(self) -> None:
        data = frame(6, floats((100_000,), *([1.0] * 100_000)), 1, 1, TRACED)
        with Server(Looks()) as server:
            for at in range(0, 200, 7):
                server.send(data[at : min(at + 7, 200)])
            server.send(data[200:])
            self.assertEqual(server.response().body, ID)

    def test_one_that_is_longer_than_its_frame_is_a_fault(self) -> None:
        # The length of the context is at offset 12.
        data = bytearray(frame(6, TEXT, 1, 1))
        data[12] = len(TEXT) + 1
        server = Server(Looks())
        server.send(bytes(data))
        server.close()
        self.assertIsInstance(server.fault, protocol.ProtocolError)

    def test_other_threads_have_none(self) -> None:
        def look() -> str:
            found: list[str] = []
            thread = threading.Thread(target=lambda: found.append(threads.current.request_id()))
            thread.start()
            thread.join()
            return f"{found[0]}|{threads.current.request_id()}"

        self.assertEqual(call(look).body, b"|a-1")
        self.assertEqual(threads.current.request_id(), "")

    def test_a_process_that_is_forked_has_none(self) -> None:
        def look() -> str:
            reader, writer = os.pipe()
            with warnings.catch_warnings():
                # About threads, which a component may have as well.
                warnings.simplefilter("ignore")
                child = os.fork()
            if child == 0:
                os.write(writer, b"child:" + threads.current.request_id().encode())
                os._exit(0)
            os.close(writer)
            os.waitpid(child, 0)
            with os.fdopen(reader) as pipe:
                return f"{pipe.read()}|{threads.current.request_id()}"

        self.assertEqual(call(look).body, b"child:|a-1")


if __name__ == "__main__":
    unittest.main()
