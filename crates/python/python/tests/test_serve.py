"""The loop of a data socket: requests, replies and faults."""

from __future__ import annotations

import struct
import sys
import threading
import time
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seldon_core.flask_utils import SeldonMicroserviceException
from streeling_worker import payload, protocol

from tests.support import (
    TEXT,
    TIMEOUT,
    Calls,
    Server,
    byte_elements,
    call,
    floats,
    frame,
    item,
    named,
    needs,
    original,
    predict,
    raising,
)


class Stream(unittest.TestCase):
    def test_replies_to_many_frames_in_one_write_come_in_order(self) -> None:
        with Server(Calls(lambda X: X)) as server:
            server.send(b"".join(predict(floats((1, 2), n, 0.5), n) for n in range(500)))
            for n in range(500):
                response = server.response()
                self.assertEqual((response.identity, response.floats), (n, (n, 0.5)))

    def test_frames_in_small_pieces(self) -> None:
        with Server(Calls(lambda X: X)) as server:
            data = predict(floats((2, 1), 1, 2), 5) + predict(TEXT, 6)
            for at in range(0, len(data), 7):
                server.send(data[at : at + 7])
            self.assertEqual(server.response().floats, (1, 2))
            self.assertEqual(server.response().body, b"x")

    def test_buffer_wraps_around(self) -> None:
        with Server(Calls(len)) as server:
            for n in range(12):
                text = b"y" * (90_001 + n)
                server.send(predict(item(3, text), n))
                self.assertIn(str(len(text)), server.response().error["info"])

    def test_frames_larger_than_the_buffer(self) -> None:
        count = 100_000
        values = [float(n) for n in range(count)]
        with Server(Calls(lambda X: X)) as server:
            for meta in (b"", b'{"puid":"a"}'):
                body = floats((count // 10, 10), *values, meta=meta, names=b'["a"]')
                server.send(predict(TEXT, 1) + predict(body, 2) + predict(TEXT, 3))
                self.assertEqual(server.response().identity, 1)
                response = server.response()
                self.assertEqual((response.identity, response.shape), (2, (count // 10, 10)))
                self.assertEqual(response.floats, tuple(values))
                self.assertEqual(server.response().identity, 3)
            big = b"z" * 1_000_000
            server.send(predict(item(3, big), 4))
            self.assertEqual(server.response().body, big)

    def test_inputs_larger_than_the_buffer(self) -> None:
        def sizes(X: Any) -> Any:
            if isinstance(X, dict):
                return {name: sizes(value) for name, value in X.items()}
            return {"shape": list(getattr(X, "shape", [])), "bytes": len(X[0][-1])}

        numpy = payload.numpy_version() is not None
        elements = item(1, byte_elements(b"", b"z" * 1_000_000), 13, (1, 2))
        seen = {"shape": [1, 2] if numpy else [], "bytes": 1_000_000}
        with Server(Calls(sizes)) as server:
            self.assertEqual(server.call(elements).json, seen)
            both = server.call(item(11, named(a=elements, b=elements)))
            self.assertEqual(both.json, {"a": seen, "b": seen})

    def test_more_items_than_16_bits_count(self) -> None:
        class Combiner:
            def aggregate(self, values: Any, names: Any) -> Any:
                return [len(values), sum(values)]

        count = 1 << 16
        numbers = b"".join(item(5, str(n).encode()) for n in range(count))
        response = call(Combiner(), numbers, 5, count)
        self.assertEqual(struct.unpack("<2q", response.body), (count, sum(range(count))))

    @needs("numpy")
    def test_the_component_owns_its_array(self) -> None:
        kept: list[Any] = []

        def keep(array: Any) -> list[bool]:
            array += 1
            kept.append(array)
            flags = array.flags
            return [bool(flags.aligned), bool(flags.writeable), bool(flags.c_contiguous)]

        with Server(Calls(keep)) as server:
            for count in (4, 200_000):
                server.send(predict(floats((count,), *([1.0] * count), names=b'["abc"]')))
                self.assertEqual(server.response().json, [True, True, True])
                self.assertTrue((kept[-1] == 2).all())
            self.assertTrue((kept[0] == 2).all())

    def test_names_are_a_list_of_their_own_each_time(self) -> None:
        class Appends:
            def predict(self, X: Any, names: Any) -> Any:
                names.append("more")
                return {"names": names}

        with Server(Appends()) as server:
            for body in (item(3, b"x", names=b'["a"]'), TEXT) * 2:
                self.assertIn(len(server.call(body).json["names"]), (1, 2))
            self.assertEqual(server.call(item(3, names=b'["a"]')).json, {"names": ["a", "more"]})
            self.assertEqual(server.call(TEXT).json, {"names": ["more"]})

    def test_deadline(self) -> None:
        calls = Calls(lambda X: "ran")
        with Server(calls) as server:
            now = time.monotonic_ns()
            server.send(frame(6, TEXT, 1, 1, identity=1, deadline=now - 1))
            self.assertEqual(server.response().error["kind"], "deadline")
            server.send(frame(6, TEXT, 1, 1, identity=2, deadline=now + 10**12))
            self.assertEqual(server.response().body, b"ran")
        self.assertEqual(calls.count, 1)

    def test_a_reply_shows_when_the_component_was_entered(self) -> None:
        def slow(X: Any) -> Any:
            time.sleep(0.02)
            if X == "fail":
                raise ValueError(X)
            return X

        with Server(Calls(slow)) as server:
            for text in (b"x", b"fail"):
                before = time.monotonic_ns()
                response = server.call(item(3, text))
                after = time.monotonic_ns()
                self.assertGreaterEqual(response.micros, 20_000)
                self.assertGreaterEqual(response.entered, before)
                self.assertLessEqual(response.entered + response.micros * 1000, after)
            server.send(frame(6, TEXT, 1, 1, identity=1, deadline=1))
            late = server.response()
            self.assertEqual((late.entered, late.micros), (0, 0))

    def test_slow_calls_do_not_hold_back_earlier_replies(self) -> None:
        enough = threading.Event()

        def slow(text: str) -> str:
            time.sleep(0.02)
            if text == "last":
                assert enough.wait(TIMEOUT)
            return text

        with Server(Calls(slow)) as server:
            server.send(predict(TEXT, 1) + predict(TEXT, 2) + predict(item(3, b"last"), 3))
            self.assertEqual([server.response().identity for _ in range(2)], [1, 2])
            # The last call is still running, and goes on until now.
            enough.set()
            self.assertEqual(server.response().identity, 3)

    def test_requests_before_the_end_of_file_are_run(self) -> None:
        server = Server(Calls(lambda X: X))
        server.send(predict(TEXT, 1) + predict(TEXT, 2))
        server.sock.shutdown(1)
        self.assertEqual([server.response().identity, server.response().identity], [1, 2])
        with self.assertRaises(EOFError):
            server.response()
        server.close()
        self.assertIsNone(server.fault)


class Faults(unittest.TestCase):
    def test_each_fault_ends_the_loop(self) -> None:
        good = floats((1,), 1.0)
        for name, data in {
            "kind": frame(7, TEXT, 1, 1),
            "method": predict(TEXT, 1, method=9),
            "dtype": predict(item(1, bytes(8), 14, (1,))),
            "size": predict(item(1, bytes(8), 12, (2,))),
            "item kind": predict(item(13)),
            "a request as it came alone": predict(original()),
            "custom": predict(item(9, b"\x05\0\0\0abcd")),
            "more bytes than elements": predict(item(1, bytes(5), 13, (1,))),
            "fewer bytes than elements": predict(item(1, bytes(8), 13, (3,))),
            "more elements than any frame has": predict(item(1, b"", 13, (1 << 62,))),
            "an element that is cut": predict(item(1, b"\5\0\0\0abcd", 13, (1,))),
            "a name that is cut": predict(item(11, b"\5\0\0\0abcd")),
            "the length of a name that is cut": predict(item(11, b"\5\0\0")),
            "a name without an input": predict(item(11, b"\1\0\0\0a")),
            "an input that is cut": predict(item(11, b"\1\0\0\0a" + TEXT[:-1])),
            "an input that is raw": predict(item(11, named(a=item(6, b"{}")))),
            "an input of several": predict(item(11, named(a=item(11)))),
            "a name twice": predict(item(11, named(a=TEXT) * 2)),
            "more": predict(good + b"x"),
            "less": frame(6, good[:-1], 1, 1),
            "item header": frame(6, good[:20], 1, 1),
            "count": predict(good + good, 1, 1, 2),
            "none": frame(6, b"", 1, 0),
            "half": predict(TEXT)[:40],
        }.items():
            with self.subTest(name):
                server = Server(Calls(lambda X: X))
                server.send(data)
                server.sock.shutdown(1)
                with self.assertRaises(EOFError):
                    server.response()
                server.close()
                self.assertIsInstance(server.fault, protocol.ProtocolError)


class Errors(unittest.TestCase):
    def test_text_of_an_exception(self) -> None:
        for error, info in (
            (ValueError("boom"), "boom"),
            (ValueError(), ""),
            (KeyError("k"), "'k'"),
            (ValueError("a", 2), "('a', 2)"),
            (SystemExit(3), "SystemExit: 3"),
            (KeyboardInterrupt(), "KeyboardInterrupt"),
        ):
            with self.subTest(repr(error)), Server(raising(error)) as server:
                response = server.call(TEXT)
                self.assertEqual(
                    (response.error["kind"], response.error["info"]), ("component", info)
                )
                self.assertEqual(server.call(TEXT).identity, 1)

    def test_traceback_begins_in_the_component(self) -> None:
        trace = call(raising(ValueError("boom"))).error["traceback"]
        self.assertIn("in make", trace)
        self.assertNotIn("streeling_worker", trace)
        self.assertTrue(trace.endswith("ValueError: boom\n"))

    def test_an_exception_that_cannot_be_shown(self) -> None:
        class Rude(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no")

        self.assertEqual(call(raising(Rude())).error["info"], "Rude")

    def test_status_of_its_own(self) -> None:
        error = call(
            raising(SeldonMicroserviceException("hot", status_code=418, reason="TEA"))
        ).error
        self.assertEqual((error["info"], error["status"], error["reason"]), ("hot", 418, "TEA"))
        error = call(raising(SeldonMicroserviceException("x"))).error
        self.assertEqual((error["status"], error["reason"]), (400, "MICROSERVICE_BAD_DATA"))
        error = call(raising(SeldonMicroserviceException("x", status_code="502"))).error
        self.assertEqual(error["status"], 502)
        error = call(raising(UnicodeDecodeError("utf-8", b"x", 0, 1, "why"))).error
        self.assertEqual((error["status"], error["reason"]), (None, None))

    def test_results_that_cannot_be_sent(self) -> None:
        for value, kind, info in (
            (None, "bad_data", "None"),
            ((1, 2), "bad_data", "(1, 2)"),
            (3, "bad_data", "3"),
            ({"a": {1}}, "component", "Object of type set is not JSON serializable"),
            ({(1, 2): 3}, "component", "keys must be str"),
            ([object()], "component", "is not JSON serializable"),
        ):
            with self.subTest(repr(value)):
                error = call(Calls(lambda X, value=value: value)).error
                self.assertEqual(error["kind"], kind)
                self.assertIn(info, error["info"])
                self.assertEqual(error["traceback"] is None, kind == "bad_data")

    def test_sides_of_an_array_without_elements_are_no_measure(self) -> None:
        calls = Calls(lambda X: "made")
        shapes: list[tuple[int, ...]] = [(1 << 62, 0), (1 << 31, 1 << 31, 0, 5)]
        for shape in shapes:
            text = b'{"shape":%s,"values":[]}' % str(list(shape)).encode()
            for body in (
                item(1, b"", 12, shape),
                item(1, b"", 13, shape),
                item(2, text, layout=2),
            ):
                with self.subTest(shape), Server(calls, numpy=False) as server:
                    self.assertIn("too many empty lists", server.call(body).error["info"])
        self.assertEqual(calls.count, 0)
        with Server(Calls(lambda X: {"X": X}), numpy=False) as server:
            self.assertEqual(server.call(item(1, b"", 12, (2, 0, 1 << 62))).json, {"X": [[], []]})

    def test_response_that_is_deeper_than_an_item_can_say(self) -> None:
        def make(X: Any) -> Any:
            value: Any = 1
            for _ in range(256):
                value = [value]
            return value

        with Server(Calls(make), numpy=False) as server:
            for _ in range(2):
                info = server.call(floats((1, 1), 1.0)).error["info"]
                self.assertEqual(info, "lists of a response may be 255 deep at most")

    def test_payload_that_makes_no_array(self) -> None:
        calls = Calls(lambda X: X)
        missing = call(calls, item(2, b'{"values":[1]}', layout=2)).error
        self.assertEqual((missing["kind"], missing["info"]), ("component", "'shape'"))
        wrong = call(calls, item(2, b'{"shape":[2,2],"values":[1,2,3]}', layout=2)).error
        self.assertIn("cannot reshape array of size 3 into shape (2,2)", wrong["info"])
        deep = call(calls, item(5, b"[" * 100_000)).error
        self.assertEqual(deep["kind"], "component")
        self.assertEqual(call(calls, item(2, b"{}", layout=3)).error["kind"], "bad_data")
        self.assertEqual(calls.count, 0)


if __name__ == "__main__":
    unittest.main()
