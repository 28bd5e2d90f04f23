"""What the loop of a data socket does with requests, answers, errors and faults."""

from __future__ import annotations

import struct
import sys
import time
import unittest
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import create_counter
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse
from streeling_worker import payload, protocol

from tests.support import Answer, Front, floats, frame, item, predict

HAS_NUMPY = payload.numpy_version() is not None
TEXT = item(3, b"x")


class Calls:
    """Answers with what `make` gives for X."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.count = 0

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        self.count += 1
        return self.make(X)


def raising(error: BaseException) -> Calls:
    def make(_: Any) -> Any:
        raise error

    return Calls(make)


def ask(component: object, body: bytes = TEXT, method: int = 1, items: int = 1) -> Answer:
    with Front(component) as front:
        return front.ask(body, method, items)


class Stream(unittest.TestCase):
    def test_many_frames_in_one_write_are_answered_in_order(self) -> None:
        with Front(Calls(lambda X: X)) as front:
            front.send(b"".join(predict(floats((1, 2), n, 0.5), n) for n in range(500)))
            for n in range(500):
                answer = front.answer()
                self.assertEqual((answer.identity, answer.floats), (n, (n, 0.5)))

    def test_frames_in_small_pieces(self) -> None:
        with Front(Calls(lambda X: X)) as front:
            data = predict(floats((2, 1), 1, 2), 5) + predict(TEXT, 6)
            for at in range(0, len(data), 7):
                front.send(data[at : at + 7])
            self.assertEqual(front.answer().floats, (1, 2))
            self.assertEqual(front.answer().body, b"x")

    def test_buffer_wraps_around(self) -> None:
        with Front(Calls(len)) as front:
            for n in range(12):
                text = b"y" * (90_001 + n)
                front.send(predict(item(3, text), n))
                self.assertIn(str(len(text)), front.answer().error["info"])

    def test_frames_larger_than_the_buffer(self) -> None:
        count = 100_000
        values = [float(n) for n in range(count)]
        with Front(Calls(lambda X: X)) as front:
            for meta in (b"", b'{"puid":"a"}'):
                body = floats((count // 10, 10), *values, meta=meta, names=b'["a"]')
                front.send(predict(TEXT, 1) + predict(body, 2) + predict(TEXT, 3))
                self.assertEqual(front.answer().identity, 1)
                answer = front.answer()
                self.assertEqual((answer.identity, answer.shape), (2, (count // 10, 10)))
                self.assertEqual(answer.floats, tuple(values))
                self.assertEqual(front.answer().identity, 3)
            big = b"z" * 1_000_000
            front.send(predict(item(3, big), 4))
            self.assertEqual(front.answer().body, big)

    @unittest.skipUnless(HAS_NUMPY, "needs NumPy")
    def test_the_component_owns_its_array(self) -> None:
        kept: list[Any] = []

        def keep(array: Any) -> list[bool]:
            array += 1
            kept.append(array)
            flags = array.flags
            return [bool(flags.aligned), bool(flags.writeable), bool(flags.c_contiguous)]

        with Front(Calls(keep)) as front:
            for count in (4, 200_000):
                front.send(predict(floats((count,), *([1.0] * count), names=b'["abc"]')))
                self.assertEqual(front.answer().json, [True, True, True])
                self.assertTrue((kept[-1] == 2).all())
            self.assertTrue((kept[0] == 2).all())

    def test_names_are_a_list_of_their_own_each_time(self) -> None:
        class Appends:
            def predict(self, X: Any, names: Any) -> Any:
                names.append("more")
                return {"names": names}

        with Front(Appends()) as front:
            for body in (item(3, b"x", names=b'["a"]'), TEXT) * 2:
                self.assertIn(len(front.ask(body).json["names"]), (1, 2))
            self.assertEqual(front.ask(item(3, names=b'["a"]')).json, {"names": ["a", "more"]})
            self.assertEqual(front.ask(TEXT).json, {"names": ["more"]})

    def test_deadline(self) -> None:
        calls = Calls(lambda X: "ran")
        with Front(calls) as front:
            now = time.monotonic_ns()
            front.send(frame(6, TEXT, 1, 1, identity=1, deadline=now - 1))
            self.assertEqual(front.answer().error["kind"], "deadline")
            front.send(frame(6, TEXT, 1, 1, identity=2, deadline=now + 10**12))
            self.assertEqual(front.answer().body, b"ran")
        self.assertEqual(calls.count, 1)

    def test_an_answer_tells_when_the_component_was_entered(self) -> None:
        def slow(X: Any) -> Any:
            time.sleep(0.02)
            if X == "fail":
                raise ValueError(X)
            return X

        with Front(Calls(slow)) as front:
            for text in (b"x", b"fail"):
                before = time.monotonic_ns()
                answer = front.ask(item(3, text))
                after = time.monotonic_ns()
                self.assertGreaterEqual(answer.micros, 20_000)
                self.assertGreaterEqual(answer.entered, before)
                self.assertLessEqual(answer.entered + answer.micros * 1000, after)
            front.send(frame(6, TEXT, 1, 1, identity=1, deadline=1))
            late = front.answer()
            self.assertEqual((late.entered, late.micros), (0, 0))

    def test_slow_calls_do_not_hold_back_earlier_answers(self) -> None:
        times: list[float] = []

        def slow(_: Any) -> str:
            time.sleep(0.15)
            times.append(time.monotonic())
            return "x"

        with Front(Calls(slow)) as front:
            front.send(predict(TEXT, 1) + predict(TEXT, 2) + predict(TEXT, 3))
            front.answer()
            front.answer()
            self.assertLess(len(times), 3)
            self.assertGreaterEqual(front.answer().micros, 150_000)

    def test_end_of_file_answers_what_was_read(self) -> None:
        front = Front(Calls(lambda X: X))
        front.send(predict(TEXT, 1) + predict(TEXT, 2))
        front.sock.shutdown(1)
        self.assertEqual([front.answer().identity, front.answer().identity], [1, 2])
        with self.assertRaises(EOFError):
            front.answer()
        front.close()
        self.assertIsNone(front.fault)


class Faults(unittest.TestCase):
    def test_each_fault_ends_the_loop(self) -> None:
        good = floats((1,), 1.0)
        for name, data in {
            "kind": frame(7, TEXT, 1, 1),
            "method": predict(TEXT, 1, method=9),
            "dtype": predict(item(1, bytes(8), 13, (1,))),
            "size": predict(item(1, bytes(8), 12, (2,))),
            "item kind": predict(item(11)),
            "custom": predict(item(9, b"\x05\0\0\0abcd")),
            "more": predict(good + b"x"),
            "less": frame(6, good[:-1], 1, 1),
            "item header": frame(6, good[:20], 1, 1),
            "count": predict(good + good, 1, 1, 2),
            "none": frame(6, b"", 1, 0),
            "half": predict(TEXT)[:40],
        }.items():
            with self.subTest(name):
                front = Front(Calls(lambda X: X))
                front.send(data)
                front.sock.shutdown(1)
                with self.assertRaises(EOFError):
                    front.answer()
                front.close()
                self.assertIsInstance(front.fault, protocol.ProtocolError)


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
            with self.subTest(repr(error)), Front(raising(error)) as front:
                answer = front.ask(TEXT)
                self.assertEqual((answer.error["kind"], answer.error["info"]), ("component", info))
                self.assertEqual(front.ask(TEXT).identity, 1)

    def test_traceback_begins_in_the_component(self) -> None:
        trace = ask(raising(ValueError("boom"))).error["traceback"]
        self.assertIn("in make", trace)
        self.assertNotIn("streeling_worker", trace)
        self.assertTrue(trace.endswith("ValueError: boom\n"))

    def test_an_exception_that_cannot_be_shown(self) -> None:
        class Rude(Exception):
            def __str__(self) -> str:
                raise RuntimeError("no")

        self.assertEqual(ask(raising(Rude())).error["info"], "Rude")

    def test_status_of_its_own(self) -> None:
        error = ask(
            raising(SeldonMicroserviceException("hot", status_code=418, reason="TEA"))
        ).error
        self.assertEqual((error["info"], error["status"], error["reason"]), ("hot", 418, "TEA"))
        error = ask(raising(SeldonMicroserviceException("x"))).error
        self.assertEqual((error["status"], error["reason"]), (400, "MICROSERVICE_BAD_DATA"))
        error = ask(raising(SeldonMicroserviceException("x", status_code="502"))).error
        self.assertEqual(error["status"], 502)
        error = ask(raising(UnicodeDecodeError("utf-8", b"x", 0, 1, "why"))).error
        self.assertEqual((error["status"], error["reason"]), (None, None))

    def test_answers_that_cannot_be_sent(self) -> None:
        for value, kind, info in (
            (None, "bad_data", "None"),
            ((1, 2), "bad_data", "(1, 2)"),
            (3, "bad_data", "3"),
            ({"a": {1}}, "component", "Object of type set is not JSON serializable"),
            ({(1, 2): 3}, "component", "keys must be str"),
            ([object()], "component", "is not JSON serializable"),
        ):
            with self.subTest(repr(value)):
                error = ask(Calls(lambda X, value=value: value)).error
                self.assertEqual(error["kind"], kind)
                self.assertIn(info, error["info"])
                self.assertEqual(error["traceback"] is None, kind == "bad_data")

    def test_payload_that_makes_no_array(self) -> None:
        calls = Calls(lambda X: X)
        missing = ask(calls, item(2, b'{"values":[1]}', form=2)).error
        self.assertEqual((missing["kind"], missing["info"]), ("component", "'shape'"))
        wrong = ask(calls, item(2, b'{"shape":[2,2],"values":[1,2,3]}', form=2)).error
        self.assertIn("cannot reshape array of size 3 into shape (2,2)", wrong["info"])
        deep = ask(calls, item(5, b"[" * 100_000)).error
        self.assertEqual(deep["kind"], "component")
        self.assertEqual(ask(calls, item(2, b"{}", form=3)).error["kind"], "bad_data")
        self.assertEqual(calls.count, 0)


class Plain(unittest.TestCase):
    def test_meta_is_passed_where_it_is_taken(self) -> None:
        class Takes:
            def predict(self, X: Any, names: Any, meta: Any = "default") -> Any:
                return {"meta": meta}

        class Keywords:
            def predict(self, X: Any, names: Any, **kwargs: Any) -> Any:
                return kwargs

        class Not:
            def predict(self, *args: Any) -> Any:
                return {"count": len(args)}

        body = item(3, b"x", meta=b'{"puid":"p"}')
        self.assertEqual(ask(Takes(), body).json, {"meta": {"puid": "p"}})
        self.assertEqual(ask(Keywords(), body).json, {"meta": {"puid": "p"}})
        self.assertEqual(ask(Not(), body).json, {"count": 2})
        self.assertEqual(ask(Takes()).json, {"meta": None})

    def test_a_type_error_within_is_not_a_reason_to_call_again(self) -> None:
        calls = raising(TypeError("inside"))
        self.assertEqual(ask(calls).error["info"], "inside")
        self.assertEqual(calls.count, 1)

    def test_absent_methods(self) -> None:
        for component in (object(), SeldonComponent()):
            with Front(component) as front:
                self.assertEqual((front.ask(TEXT).kind, front.ask(TEXT).shape)[1], (0,))
                self.assertEqual(front.ask(TEXT, 2).kind, 7)
                self.assertEqual(front.ask(TEXT, 3).kind, 7)
                self.assertEqual(front.ask(TEXT, 4).error["info"], "Route not defined")
                self.assertEqual(front.ask(TEXT, 5).error["info"], "Aggregate not defined")
                health = b"healthy"
                if isinstance(component, SeldonComponent):
                    health = b"not implemented - assuming healthy"
                self.assertEqual(front.ask(b"", 7, 0).body, health)

    def test_declining_is_as_absent(self) -> None:
        self.assertEqual(ask(raising(SeldonNotImplementedError("no"))).shape, (0,))

    def test_raw(self) -> None:
        class Raw:
            def predict_raw(self, message: Any) -> Any:
                if "decline" in message:
                    raise SeldonNotImplementedError("no")
                return {"got": message}

            def health_status_raw(self) -> Any:
                return {"strData": "raw"}

        with Front(Raw()) as front:
            answer = front.ask(item(6, b'{"a":1}'))
            self.assertEqual((answer.kind, answer.json), (6, {"got": {"a": 1}}))
            answer = front.ask(item(6, b'{"decline":1}'))
            self.assertEqual(answer.error["kind"], "not_implemented")
            self.assertEqual(front.ask(item(6, b"{}"), 7).json, {"strData": "raw"})

    def test_route(self) -> None:
        class Router:
            answer: ClassVar[Any] = 1

            def route(self, X: Any, names: Any) -> Any:
                return self.answer

        answer = ask(Router(), method=4)
        self.assertEqual((answer.kind, answer.dtype, answer.shape), (1, 5, (1, 1)))
        self.assertEqual(struct.unpack("<q", answer.body), (1,))
        for bad in (1.0, "a", None, [1]):
            Router.answer = bad
            error = ask(Router(), method=4).error
            self.assertEqual(error["info"], f"Routing response must be int but got {bad}")
            self.assertEqual(error["kind"], "bad_data")
        Router.answer = SeldonResponse(2, tags={"a": 1})
        answer = ask(Router(), method=4)
        self.assertEqual(
            (answer.meta, struct.unpack("<q", answer.body)), ({"tags": {"a": 1}}, (2,))
        )

    def test_an_empty_list_reaches_the_component(self) -> None:
        class Combiner:
            def aggregate(self, X: Any, names: Any) -> Any:
                return {"first": X[0]}

        error = ask(Combiner(), b"", 5, 0).error
        self.assertEqual((error["info"], error["kind"]), ("list index out of range", "component"))

    @unittest.skipUnless(HAS_NUMPY, "needs NumPy")
    def test_feedback_takes_tensors_as_protobuf_does(self) -> None:
        class Judge:
            def send_feedback(
                self, X: Any, names: Any, reward: Any, truth: Any, routing: Any
            ) -> Any:
                return {"X": X.tolist(), "shape": X.shape}

        reward = item(5, b'{"reward":1,"routing":null}')
        tensor = item(2, b'{"shape":[2.0,"1"],"values":["1.5",2]}', form=2)
        answer = ask(Judge(), tensor + item(0) + reward, 6, 3).json
        self.assertEqual(answer, {"X": [[1.5], [2.0]], "shape": [2, 1]})
        tensor = item(2, b'{"shape":[2],"values":[1]}', form=2)
        error = ask(Judge(), tensor + item(0) + reward, 6, 3).error
        self.assertEqual(error["info"], "cannot reshape array of size 1 into shape (2,)")

    def test_feedback_sees_floats_and_data_only(self) -> None:
        class Judge:
            def send_feedback(
                self, X: Any, names: Any, reward: Any, truth: Any, routing: Any
            ) -> Any:
                return {"X": repr(list(X)), "truth": repr(list(truth)), "routing": routing}

        numbers = item(1, struct.pack("<2q", 1, 2), 5, (2,), 1)
        body = numbers + TEXT + item(5, b'{"reward":1,"routing":3}')
        answer = ask(Judge(), body, 6, 3).json
        self.assertIn("1.0", answer["X"])
        self.assertEqual((answer["truth"], answer["routing"]), ("[]", 3))
        body = item(2, b'[["a",1]]', form=1) + item(0) + item(5, b'{"reward":1,"routing":null}')
        self.assertIn("1.0", ask(Judge(), body, 6, 3).json["X"])


class Meta(unittest.TestCase):
    def signed(self, **parts: Any) -> Answer:
        component = Calls(lambda X: parts.get("answer", [[1.5, 2.0]]))
        for name in ("tags", "metrics", "class_names"):
            if name in parts:
                setattr(component, name, lambda name=name: parts[name])
        return ask(component)

    def test_names(self) -> None:
        self.assertEqual(self.signed(class_names=["a", "b"]).names, ["a", "b"])
        self.assertEqual(self.signed(class_names=("a", 1)).names, ["a", "1"])
        self.assertEqual(self.signed(class_names=[]).names, [])
        self.assertIsNone(self.signed(class_names=None).names)
        self.assertIsNone(self.signed(class_names=["a"], answer=[1.5]).names)
        self.assertEqual(self.signed(class_names="ab").error["kind"], "bad_data")

    def test_names_that_change(self) -> None:
        names = ["a", "b"]
        component = Calls(lambda X: [[1.0, 2.0]])
        # Given to the object alone, as users do; the class does not have it.
        component.class_names = lambda: names  # type: ignore[attr-defined]
        with Front(component) as front:
            self.assertEqual(front.ask(TEXT).names, ["a", "b"])
            names[0] = "c"
            self.assertEqual(front.ask(TEXT).names, ["c", "b"])

    def test_tags_of_the_call_come_after_the_component_s(self) -> None:
        answer = self.signed(
            tags={"a": 1, "b": 1}, answer=SeldonResponse("x", tags={"b": 2, "c": None})
        )
        self.assertEqual(answer.meta, {"tags": {"a": 1, "b": 2, "c": None}})
        self.assertIn("dictionary", self.signed(tags=[1]).error["info"])
        self.assertIn("JSON serializable", self.signed(tags={"a": object()}).error["info"])
        self.assertIsNone(self.signed(tags={}).meta)

    def test_metrics(self) -> None:
        one = {"type": "TIMER", "key": "t", "value": 1.5, "tags": {"a": "b"}, "extra": 1}
        answer = self.signed(
            metrics=[one], answer=SeldonResponse("x", metrics=[create_counter("c", 1)])
        )
        self.assertEqual(
            answer.meta,
            {
                "metrics": [
                    {"type": "TIMER", "key": "t", "value": 1.5, "tags": {"a": "b"}},
                    {"type": "COUNTER", "key": "c", "value": 1},
                ]
            },
        )
        for bad in (
            None,
            [1],
            "x",
            (one,),
            [{"key": "k", "value": 1}],
            [{"type": "counter", "key": "k", "value": 1}],
            [{"type": "COUNTER", "key": "k", "value": "1"}],
            [{"type": "COUNTER", "value": 1}],
            [one, {"type": "COUNTER", "key": "k"}],
        ):
            with self.subTest(repr(bad)):
                error = self.signed(metrics=bad).error
                self.assertEqual(error["kind"], "bad_metric")
                self.assertTrue(error["info"].startswith("Bad metric created during request: "))

    def test_a_look_alike_response_is_unwrapped(self) -> None:
        class Mine:
            data = "x"
            tags: ClassVar[Any] = {"a": 1}
            metrics: ClassVar[Any] = []

        answer = self.signed(answer=Mine())
        self.assertEqual((answer.body, answer.meta), (b"x", {"tags": {"a": 1}}))


@unittest.skipUnless(HAS_NUMPY, "needs NumPy")
class Arrays(unittest.TestCase):
    def test_every_dtype_there_and_back(self) -> None:
        import numpy as np

        for code, (name, _, _) in protocol.DTYPES.items():
            with self.subTest(name):
                array = np.arange(6).reshape(2, 3).astype(name)
                answer = ask(Calls(lambda X: X), item(1, array.tobytes(), code, (2, 3), 1))
                self.assertEqual(answer.shape, (2, 3))
                if name == "bool":
                    self.assertEqual((answer.kind, answer.json), (2, array.tolist()))
                else:
                    self.assertEqual((answer.dtype, answer.body), (code, array.tobytes()))

    def test_layouts(self) -> None:
        import numpy as np

        square = np.arange(20_000.0).reshape(100, 200)
        for array in (square.T, square[::2, ::3], square.astype(">f8"), np.array([[1.0]]).T):
            answer = ask(Calls(lambda X, array=array: array))
            self.assertEqual((answer.dtype, answer.shape), (12, array.shape))
            self.assertEqual(answer.body, np.ascontiguousarray(array, dtype="<f8").tobytes())

    def test_arrays_that_are_no_plain_numbers(self) -> None:
        import numpy as np

        for array, json in (
            (np.array(["a", "b"]), ["a", "b"]),
            (np.ma.array([1, 2], mask=[False, True]), [1, None]),
            (np.array([{"a": 1}]), [{"a": 1}]),
            (np.array(["2020-01-01"], "M8[D]"), ["Wed, 01 Jan 2020 00:00:00 GMT"]),
            (["a", 1], ["a", 1]),
            ([None, 2**70], [None, 2**70]),
        ):
            with self.subTest(repr(array)):
                answer = ask(Calls(lambda X, array=array: array))
                self.assertEqual((answer.kind, answer.json), (2, json))
        for array in (np.array([1j]), np.array([b"a"]), np.array([1], "longdouble")):
            with self.subTest(repr(array)):
                error = ask(Calls(lambda X, array=array: array)).error
                self.assertIn("is not JSON serializable", error["info"])

    def test_lists_follow_numpy(self) -> None:
        answer = ask(Calls(lambda X: [[1, 2.5]]))
        self.assertEqual((answer.kind, answer.shape, answer.floats), (1, (1, 2), (1, 2.5)))
        self.assertEqual(ask(Calls(lambda X: [1, 2])).dtype, 5)
        self.assertEqual(ask(Calls(lambda X: [])).dtype, 12)
        self.assertEqual(ask(Calls(lambda X: [2**63])).dtype, 9)

    def test_whole_message_for_a_component_that_has_been_reloaded_without_the_method(self) -> None:
        with Front(Calls(lambda X: X)) as front:
            self.assertEqual(front.ask(item(6, b"{}")).error["kind"], "not_implemented")
            self.assertEqual(front.ask(floats((1,), 2.0)).floats, (2.0,))


if __name__ == "__main__":
    unittest.main()
