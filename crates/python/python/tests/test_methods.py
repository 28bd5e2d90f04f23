"""The methods of a component: arguments, results, names, tags and metrics."""

from __future__ import annotations

import json
import struct
import sys
import unittest
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seldon_core.metrics import create_counter
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse
from streeling_worker import protocol

from tests.support import (
    TEXT,
    Calls,
    Response,
    Server,
    byte_elements,
    call,
    floats,
    item,
    named,
    needs,
    raising,
)


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
        self.assertEqual(call(Takes(), body).json, {"meta": {"puid": "p"}})
        self.assertEqual(call(Keywords(), body).json, {"meta": {"puid": "p"}})
        self.assertEqual(call(Not(), body).json, {"count": 2})
        self.assertEqual(call(Takes()).json, {"meta": None})

    def test_a_type_error_within_is_not_a_reason_to_call_again(self) -> None:
        calls = raising(TypeError("inside"))
        self.assertEqual(call(calls).error["info"], "inside")
        self.assertEqual(calls.count, 1)

    def test_absent_methods(self) -> None:
        for component in (object(), SeldonComponent()):
            with Server(component) as server:
                self.assertEqual((server.call(TEXT).kind, server.call(TEXT).shape)[1], (0,))
                self.assertEqual(server.call(TEXT, 2).body, b"x")
                self.assertEqual(server.call(floats((1, 2), 0.5, 2), 3).floats, (0.5, 2))
                self.assertEqual(server.call(TEXT, 4).error["info"], "Route not defined")
                self.assertEqual(server.call(TEXT, 5).error["info"], "Aggregate not defined")
                health = b"healthy"
                if isinstance(component, SeldonComponent):
                    health = b"not implemented - assuming healthy"
                self.assertEqual(server.call(b"", 7, 0).body, health)

    def test_declining_is_as_absent(self) -> None:
        self.assertEqual(call(raising(SeldonNotImplementedError("no"))).shape, (0,))

    def test_raw(self) -> None:
        class Raw:
            def predict_raw(self, message: Any) -> Any:
                if "decline" in message:
                    raise SeldonNotImplementedError("no")
                return {"got": message}

            def health_status_raw(self) -> Any:
                return {"strData": "raw"}

        with Server(Raw()) as server:
            response = server.call(item(6, b'{"a":1}'))
            self.assertEqual((response.kind, response.json), (6, {"got": {"a": 1}}))
            response = server.call(item(6, b'{"decline":1}'))
            self.assertEqual(response.error["kind"], "not_implemented")
            self.assertEqual(server.call(item(6, b"{}"), 7).json, {"strData": "raw"})

    def test_route(self) -> None:
        class Router:
            response: ClassVar[Any] = 1

            def route(self, X: Any, names: Any) -> Any:
                return self.response

        response = call(Router(), method=4)
        self.assertEqual((response.kind, response.dtype, response.shape), (1, 5, (1, 1)))
        self.assertEqual(struct.unpack("<q", response.body), (1,))
        for bad in (1.0, "a", None, [1]):
            Router.response = bad
            error = call(Router(), method=4).error
            self.assertEqual(error["info"], f"Routing response must be int but got {bad}")
            self.assertEqual(error["kind"], "bad_data")
        Router.response = SeldonResponse(2, tags={"a": 1})
        response = call(Router(), method=4)
        self.assertEqual(
            (response.meta, struct.unpack("<q", response.body)), ({"tags": {"a": 1}}, (2,))
        )

    def test_an_empty_list_reaches_the_component(self) -> None:
        class Combiner:
            def aggregate(self, X: Any, names: Any) -> Any:
                return {"first": X[0]}

        error = call(Combiner(), b"", 5, 0).error
        self.assertEqual((error["info"], error["kind"]), ("list index out of range", "component"))

    @needs("numpy")
    def test_feedback_takes_tensors_as_protobuf_does(self) -> None:
        class Judge:
            def send_feedback(
                self, X: Any, names: Any, reward: Any, truth: Any, routing: Any
            ) -> Any:
                return {"X": X.tolist(), "shape": X.shape}

        reward = item(5, b'{"reward":1,"routing":null}')
        tensor = item(2, b'{"shape":[2.0,"1"],"values":["1.5",2]}', layout=2)
        response = call(Judge(), tensor + item(0) + reward, 6, 3).json
        self.assertEqual(response, {"X": [[1.5], [2.0]], "shape": [2, 1]})
        tensor = item(2, b'{"shape":[2],"values":[1]}', layout=2)
        error = call(Judge(), tensor + item(0) + reward, 6, 3).error
        self.assertEqual(error["info"], "cannot reshape array of size 1 into shape (2,)")

    def test_feedback_sees_data_only(self) -> None:
        class Judge:
            def send_feedback(
                self, X: Any, names: Any, reward: Any, truth: Any, routing: Any
            ) -> Any:
                # The texts of NumPy's numbers differ by its version.
                X, truth = (getattr(array, "tolist", lambda a=array: a)() for array in (X, truth))
                return {"X": repr(X), "truth": repr(truth), "routing": routing}

        numbers = item(1, struct.pack("<2q", 1, 2), 5, (2,), 3)
        body = numbers + TEXT + item(5, b'{"reward":1,"routing":3}')
        response = call(Judge(), body, 6, 3).json
        self.assertEqual(response["X"], "[1, 2]")
        self.assertEqual((response["truth"], response["routing"]), ("[]", 3))
        body = item(2, b'[["a",1]]', layout=1) + item(0) + item(5, b'{"reward":1,"routing":null}')
        self.assertIn("1.0", call(Judge(), body, 6, 3).json["X"])


class Unnamed:
    def predict(self, X: Any, names: Any) -> Any:
        return [[1.5, 2.0]]

    def class_names(self) -> Any:
        return None


class NoNames(Calls):
    class_names = None

    def __init__(self) -> None:
        super().__init__(lambda X: [[1.5, 2.0]])


class Lists(unittest.TestCase):
    @needs("numpy")
    def test_numbers_of_several_types_come_as_the_list_that_they_are(self) -> None:
        for mixed in ([1.5, 2], [[True, 2.5], [3.0, 4.0]], [(1, 2.5)], [[[1, 2.0]]]):
            with self.subTest(repr(mixed)):
                response = call(Calls(lambda X, mixed=mixed: mixed))
                self.assertEqual(response.kind, 1)
                meta: Any = response.meta
                self.assertEqual(repr(meta["list"]), repr(json.loads(json.dumps(mixed))))
        alike: Any
        for alike in ([1.5, 2.5], [[1, 2]], [], [[]]):
            with self.subTest(repr(alike)):
                self.assertIsNone(call(Calls(lambda X, alike=alike: alike)).meta)

    @needs("numpy")
    def test_rows_that_are_arrays_have_one_type(self) -> None:
        import numpy as np

        for rows in ([np.array([1.0, 2.0]), [1, 2]], [np.array([1, 2]), np.array([3, 4])]):
            with self.subTest(repr(rows)):
                response = call(Calls(lambda X, rows=rows: rows))
                self.assertEqual((response.kind, response.meta), (1, None))
        same = call(Calls(lambda X: [1.0, np.float64(2)]))
        self.assertIsNone(same.meta)

    def test_half_a_surrogate_pair(self) -> None:
        response = call(Calls(lambda X: "a\ud800"))
        self.assertEqual((response.kind, response.body), (14, b'"a\\ud800"'))


class Meta(unittest.TestCase):
    def annotated(self, **parts: Any) -> Response:
        component = Calls(lambda X: parts.get("response", [[1.5, 2.0]]))
        for name in ("tags", "metrics", "class_names"):
            if name in parts:
                setattr(component, name, lambda name=name: parts[name])
        return call(component)

    def test_names(self) -> None:
        self.assertEqual(self.annotated(class_names=["a", "b"]).names, ["a", "b"])
        for names in ([], [1, 2.5, None], "ab", {"a": 1}, 5, ["a\ud800"]):
            with self.subTest(repr(names)):
                self.assertEqual(self.annotated(class_names=names).names, names)
        self.assertEqual(self.annotated(class_names=("a", 1)).names, ["a", 1])
        self.assertEqual(self.annotated(class_names=iter("ab")).names, ["a", "b"])
        # Null is not the same as nothing, which gets default names.
        self.assertEqual(call(Unnamed()).names_text, b"null")
        self.assertEqual(call(NoNames()).names_text, b"null")
        self.assertEqual(call(Calls(lambda X: [[1.5]])).names_text, b"")
        self.assertIsNone(self.annotated(class_names=["a"], response=[1.5]).names)
        self.assertEqual(self.annotated(class_names=[Unnamed]).names, [str(Unnamed)])

    def test_names_that_change(self) -> None:
        names = ["a", "b"]
        component = Calls(lambda X: [[1.0, 2.0]])
        # Given to the object alone, as users do; the class does not have it.
        component.class_names = lambda: names  # type: ignore[attr-defined]
        with Server(component) as server:
            self.assertEqual(server.call(TEXT).names, ["a", "b"])
            names[0] = "c"
            self.assertEqual(server.call(TEXT).names, ["c", "b"])

    def test_names_that_are_equal_and_not_the_same(self) -> None:
        names: list[Any] = [1, 0]
        component = Calls(lambda X: [[1.0, 2.0]])
        component.class_names = lambda: names  # type: ignore[attr-defined]
        with Server(component) as server:
            self.assertEqual(server.call(TEXT).names_text, b"[1,0]")
            names[:] = [True, False]
            self.assertEqual(server.call(TEXT).names_text, b"[true,false]")

    def test_tags_of_the_call_come_after_the_component_s(self) -> None:
        response = self.annotated(
            tags={"a": 1, "b": 1}, response=SeldonResponse("x", tags={"b": 2, "c": None})
        )
        self.assertEqual(response.meta, {"tags": {"a": 1, "b": 2, "c": None}})
        # In the words of this Python.
        wrong: Any = [1]
        with self.assertRaises(TypeError) as refused:
            dict(wrong)
        self.assertEqual(self.annotated(tags=wrong).error["info"], str(refused.exception))
        self.assertIn("JSON serializable", self.annotated(tags={"a": object()}).error["info"])
        self.assertIsNone(self.annotated(tags={}).meta)

    def test_metrics(self) -> None:
        one = {"type": "TIMER", "key": "t", "value": 1.5, "tags": {"a": "b"}, "extra": 1}
        response = self.annotated(
            metrics=[one], response=SeldonResponse("x", metrics=[create_counter("c", 1)])
        )
        self.assertEqual(
            response.meta,
            {
                "metrics": [
                    {"type": "TIMER", "key": "t", "value": 1.5, "tags": {"a": "b"}},
                    {"type": "COUNTER", "key": "c", "value": 1},
                ],
                # One of them says more than what is counted, so all are there as they are.
                "written": [
                    {**one, "tags": {"a": "b", "method": "predict"}},
                    {"type": "COUNTER", "key": "c", "value": 1},
                ],
            },
        )
        true = {"type": "GAUGE", "key": "g", "value": True}
        meta: Any = self.annotated(metrics=[true], response="x").meta
        self.assertEqual(repr(meta["metrics"][0]["value"]), "1")
        self.assertEqual(repr(meta["written"]), repr([true]))
        plain = {"type": "GAUGE", "key": "g", "value": 1.5, "tags": {"a": "b"}}
        meta = self.annotated(metrics=[plain], response="x").meta
        self.assertEqual(meta, {"metrics": [plain]})
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
                error = self.annotated(metrics=bad).error
                self.assertEqual(error["kind"], "bad_metric")
                self.assertTrue(error["info"].startswith("Bad metric created during request: "))

    def test_a_look_alike_response_is_unwrapped(self) -> None:
        class Mine:
            data = "x"
            tags: ClassVar[Any] = {"a": 1}
            metrics: ClassVar[Any] = []

        response = self.annotated(response=Mine())
        self.assertEqual((response.body, response.meta), (b"x", {"tags": {"a": 1}}))


@needs("numpy")
class Arrays(unittest.TestCase):
    def test_every_dtype_there_and_back(self) -> None:
        import numpy as np

        for code, (name, _, _) in protocol.DTYPES.items():
            with self.subTest(name):
                array = np.arange(6).reshape(2, 3).astype(name)
                response = call(Calls(lambda X: X), item(1, array.tobytes(), code, (2, 3), 1))
                self.assertEqual(response.shape, (2, 3))
                if name == "bool":
                    self.assertEqual((response.kind, response.json), (2, array.tolist()))
                else:
                    self.assertEqual((response.dtype, response.body), (code, array.tobytes()))

    def test_bytes_are_an_array_of_objects(self) -> None:
        import numpy as np

        def check(X: Any) -> str:
            assert isinstance(X, np.ndarray)
            assert all(type(element) is bytes for element in X.flat)
            return f"{X.dtype} {X.shape} {X.tolist()}"

        elements = byte_elements(b"a", b"", b"\xff\0")
        for body, seen in (
            (item(1, elements, 13, (3, 1)), "object (3, 1) [[b'a'], [b''], [b'\\xff\\x00']]"),
            (item(1, byte_elements(b"ab"), 13), "object () b'ab'"),
            (item(1, b"", 13, (0, 2)), "object (0, 2) []"),
        ):
            self.assertEqual(call(Calls(check), body).body, seen.encode())

    def test_named_inputs_are_a_dict(self) -> None:
        import numpy as np

        class Reads:
            def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
                X["a"] += 1
                assert isinstance(X["b"], np.ndarray)
                return {"a": X["a"].tolist(), "names": names, "meta": meta}

            def aggregate(self, X: Any, names: Any) -> Any:
                return {"X": [list(inputs) for inputs in X], "names": names}

            def send_feedback(
                self, X: Any, names: Any, reward: Any, truth: Any, routing: Any
            ) -> Any:
                return [X.size]

        array = item(1, byte_elements(b"x"), 13, (1,))
        body = item(11, named(a=floats((2,), 1, 2), b=array), meta=b'{"puid":"p"}')
        self.assertEqual(
            call(Reads(), body).json,
            {"a": [2, 3], "names": ["a", "b"], "meta": {"puid": "p"}},
        )
        several = body + item(11, named(c=TEXT))
        self.assertEqual(
            call(Reads(), several, 5, 2).json,
            {"X": [["a", "b"], ["c"]], "names": [["a", "b"], ["c"]]},
        )
        feedback = body + item(0) + item(5, b'{"reward":1,"routing":null}')
        self.assertEqual(struct.unpack("<q", call(Reads(), feedback, 6, 3).body), (0,))

    def test_layouts(self) -> None:
        import numpy as np

        square = np.arange(20_000.0).reshape(100, 200)
        for array in (square.T, square[::2, ::3], square.astype(">f8"), np.array([[1.0]]).T):
            response = call(Calls(lambda X, array=array: array))
            self.assertEqual((response.dtype, response.shape), (12, array.shape))
            self.assertEqual(response.body, np.ascontiguousarray(array, dtype="<f8").tobytes())

    def test_arrays_that_are_no_plain_numbers(self) -> None:
        import numpy as np

        for array, expected in (
            (np.array(["a", "b"]), ["a", "b"]),
            (np.ma.array([1, 2], mask=[False, True]), [1, None]),
            (np.array([{"a": 1}]), [{"a": 1}]),
            (np.array(["2020-01-01"], "M8[D]"), ["Wed, 01 Jan 2020 00:00:00 GMT"]),
            (["a", 1], ["a", 1]),
            ([None, 2**70], [None, 2**70]),
            ([np.bool_(True)], [True]),
        ):
            with self.subTest(repr(array)):
                response = call(Calls(lambda X, array=array: array))
                self.assertEqual((response.kind, response.json), (2, expected))
        for array in (np.array([b"a"]), np.array([1], "longdouble")):
            with self.subTest(repr(array)):
                error = call(Calls(lambda X, array=array: array)).error
                self.assertIn("is not JSON serializable", error["info"])

    def test_lists_follow_numpy(self) -> None:
        response = call(Calls(lambda X: [[1, 2.5]]))
        self.assertEqual((response.kind, response.shape, response.floats), (1, (1, 2), (1, 2.5)))
        self.assertEqual(call(Calls(lambda X: [1, 2])).dtype, 5)
        self.assertEqual(call(Calls(lambda X: [])).dtype, 12)
        self.assertEqual(call(Calls(lambda X: [2**63])).dtype, 9)

    def test_a_raw_message_without_a_method_for_it_is_declined(self) -> None:
        with Server(Calls(lambda X: X)) as server:
            self.assertEqual(server.call(item(6, b"{}")).error["kind"], "not_implemented")
            self.assertEqual(server.call(floats((1,), 2.0)).floats, (2.0,))


if __name__ == "__main__":
    unittest.main()
