"""Callers that read several tensors: what they send as columns, and what they get."""

from __future__ import annotations

import json
import struct
import sys
import unittest
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seldon_core.user_model import SeldonResponse
from streeling_worker import limits, metadata, protocol
from streeling_worker.methods import Methods
from streeling_worker.payload import Codec

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
)

PREDICT = 1 | 0x80
NUMBERS, LIST, JSON, NAMED, COLUMNS = 1, 2, 5, 11, 15
BOOL, INT64, FLOAT32, BYTES = 1, 5, 11, 13


def returned(value: Any, numpy: bool | None = None) -> Response:
    """The response to a caller of tensors."""
    with Server(Calls(lambda X: value), numpy) as server:
        return server.call(TEXT, PREDICT)


def taken_apart(response: Response) -> dict[str, Response]:
    """The tensors of a response, by name."""
    assert response.kind == NAMED, response.error or response.kind
    body, found = response.body, {}
    while body:
        (length,) = struct.unpack_from("<I", body)
        name, body = body[4 : 4 + length].decode(), body[4 + length :]
        _, _, ndim, _, names, meta, _, size = struct.unpack_from("<BBBBIIIQ", body)
        assert (names, meta) == (0, 0)
        end = 24 + 8 * ndim + size
        found[name] = Response((end, 7, 0, 0, 0, 0, 0), body[:end])
        body = body[end:]
    return found


def columns(**inputs: bytes) -> bytes:
    return item(COLUMNS, named(**inputs))


def integers(code: int, letter: str, *values: int) -> bytes:
    return item(NUMBERS, struct.pack(f"<{len(values)}{letter}", *values), code, (len(values),), 1)


def texts(text: bytes) -> bytes:
    return item(LIST, text, layout=1)


class Returned(unittest.TestCase):
    """What needs no NumPy, with and without it."""

    def test_a_dict_of_lists_is_several_tensors(self) -> None:
        found = taken_apart(returned({"n": [1, 2], "x": [[0.5]], "t": ["a", "\u00e9"]}))
        self.assertEqual(list(found), ["n", "x", "t"])
        n, x, t = found.values()
        self.assertEqual((n.kind, n.dtype, n.shape), (NUMBERS, INT64, (2,)))
        self.assertEqual((x.shape, x.floats), ((1, 1), (0.5,)))
        self.assertEqual((t.kind, t.shape, t.json), (LIST, (2,), ["a", "\u00e9"]))
        found = taken_apart(returned({"b": [True, False], "s": [b"a\0", b""]}))
        b, s = found.values()
        self.assertEqual((b.kind, b.dtype, b.body), (NUMBERS, BOOL, b"\1\0"))
        self.assertEqual((s.kind, s.dtype, s.body), (NUMBERS, BYTES, byte_elements(b"a\0", b"")))

    def test_any_other_dict_is_json(self) -> None:
        for value in (
            {},
            {"a": 1},
            {"a": "x"},
            {"a": [1], "b": None},
            {"a": [1, None]},
            {"a": ["x", 1]},
            {"a": [[1], [1, 2]]},
            {"a": [{"b": 1}]},
            {"a": {"b": [1]}},
            {"a\ud800": [1]},
        ):
            with self.subTest(repr(value)):
                response = returned(value)
                self.assertEqual((response.kind, response.json), (JSON, value))
        response = returned({1: [2]})
        self.assertEqual((response.kind, response.json), (JSON, {"1": [2]}))

    def test_single_values(self) -> None:
        for value, kind, dtype, body in (
            ([True, False], NUMBERS, BOOL, b"\1\0"),
            ([[b"a"], [b"\xff\0"]], NUMBERS, BYTES, byte_elements(b"a", b"\xff\0")),
            (["a"], LIST, 0, b'["a"]'),
            ([1], NUMBERS, INT64, struct.pack("<q", 1)),
            ("x", 3, 0, b"x"),
            (b"x", 4, 0, b"x"),
            ([None], LIST, 0, b"[null]"),
        ):
            with self.subTest(repr(value)):
                response = returned(value)
                self.assertEqual(
                    (response.kind, response.dtype, response.body), (kind, dtype, body)
                )
        uneven = returned([[1], [2, 3]])
        if uneven.error:
            self.assertEqual(uneven.error["kind"], "component")
        else:
            # NumPy before 1.24 makes an array of lists of it.
            self.assertEqual((uneven.kind, uneven.json), (LIST, [[1], [2, 3]]))
        self.assertEqual(returned(None).error["kind"], "bad_data")

    def test_others_get_what_they_got(self) -> None:
        for value in ({"a": [1]}, [True], ["a"]):
            with self.subTest(repr(value)):
                response = call(Calls(lambda X, value=value: value))
                self.assertIn(response.kind, (LIST, JSON))
                self.assertEqual(response.json, value)

    def test_tags_names_and_meta(self) -> None:
        class Tagged:
            class_names: ClassVar[Any] = ["a", "b"]

            def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
                return SeldonResponse({"y": [1]} if X == "several" else [[1.5, 2]], tags=meta)

        body = item(3, b"several", meta=b'{"puid":"p"}')
        response = call(Tagged(), body, PREDICT)
        self.assertEqual((response.kind, response.meta), (NAMED, {"tags": {"puid": "p"}}))
        response = call(Tagged(), TEXT, PREDICT)
        # The list itself, whose numbers are of two types, is for callers that read JSON.
        self.assertEqual((response.names, response.meta), (["a", "b"], None))

    def test_every_method_and_no_other(self) -> None:
        class All:
            def transform_input(self, X: Any, names: Any) -> Any:
                return {"in": [True]}

            def transform_output(self, X: Any, names: Any) -> Any:
                return {"out": [True]}

            def route(self, X: Any, names: Any) -> Any:
                return 3

            def aggregate(self, X: Any, names: Any) -> Any:
                return {"n": [len(X)]}

            def predict_raw(self, message: Any) -> Any:
                return message

        with Server(All()) as server:
            self.assertEqual(list(taken_apart(server.call(TEXT, 2 | 0x80))), ["in"])
            self.assertEqual(list(taken_apart(server.call(TEXT, 3 | 0x80))), ["out"])
            self.assertEqual(server.call(TEXT, 4 | 0x80).body, struct.pack("<q", 3))
            response = server.call(TEXT * 3, 5 | 0x80, 3)
            self.assertEqual(taken_apart(response)["n"].body, struct.pack("<q", 3))
            self.assertEqual(server.call(b"", 7 | 0x80, 0).body, b"healthy")
            feedback = floats((1,), 1) + item(0) + item(5, b'{"reward":1,"routing":null}')
            self.assertEqual(server.call(feedback, 6 | 0x80, 3).shape, (0,))
            response = server.call(item(6, b"{}"), PREDICT)
            self.assertEqual(response.error["kind"], "not_implemented")
        for method, items in ((9 | 0x80, 0), (8 | 0x80, 0), (1 | 0x40, 1)):
            server = Server(All())
            server.send(b"".join(map(bytes, [self.request(method, items)])))
            server.close()
            self.assertIsInstance(server.fault, protocol.ProtocolError)

    def request(self, method: int, items: int) -> bytes:
        body = TEXT * items
        return struct.pack("<QBBHIQQ", len(body), 6, method, 0, items, 1, 0) + body


@needs("numpy")
class Arrays(unittest.TestCase):
    def test_every_dtype_there_and_back(self) -> None:
        import numpy as np

        for code, (name, _, _) in protocol.DTYPES.items():
            for shape in ((2, 3), (), (0, 2), (300, 400)):
                with self.subTest(f"{name} {shape}"):
                    array = np.ones(shape).astype(name)
                    body = item(NUMBERS, array.tobytes(), code, shape, 1)
                    response = call(Calls(lambda X: X), body, PREDICT)
                    found = (response.kind, response.dtype, response.shape, response.body)
                    self.assertEqual(found, (NUMBERS, code, shape, array.tobytes()))
                    several = call(Calls(lambda X: {"y": X}), body, PREDICT)
                    y = taken_apart(several)["y"]
                    self.assertEqual((y.dtype, y.shape, y.body), (code, shape, array.tobytes()))

    def test_arrays_that_are_no_numbers(self) -> None:
        import numpy as np

        def objects(*values: Any) -> Any:
            array = np.empty(len(values), object)
            array[:] = values
            return array

        for array, kind, body in (
            (np.array([["a", "bc"]]), LIST, b'[["a","bc"]]'),
            (objects("a", "b"), LIST, b'["a","b"]'),
            (np.array([b"a", b"bc"]), NUMBERS, byte_elements(b"a", b"bc")),
            (objects(b"a\0", b""), NUMBERS, byte_elements(b"a\0", b"")),
            (np.array([], "U1"), NUMBERS, b""),
            (np.array(["2020-01-01T12:00", "NaT"], "M8[m]"), LIST, b'["2020-01-01T12:00","NaT"]'),
        ):
            with self.subTest(repr(array)):
                for value in (array, {"y": array}):
                    response = returned(value)
                    if isinstance(value, dict):
                        response = taken_apart(response)["y"]
                    self.assertEqual((response.kind, response.body), (kind, body))
                    self.assertEqual(response.shape, array.shape)
        for array in (objects("a", 1), objects("a", None), np.ma.array([1, 2], mask=[False, True])):
            with self.subTest(repr(array)):
                response = returned(array)
                self.assertEqual((response.kind, response.json), (LIST, array.tolist()))
        for value in ({"a": objects("a", b"b")}, {"a": np.array([1], "longdouble")}):
            self.assertIn("JSON serializable", returned(value).error["info"])

    def test_numbers_of_numpy_are_tensors_without_sides(self) -> None:
        import numpy as np

        found = taken_apart(returned({"loss": np.float32(0.5), "y": np.arange(2)}))
        self.assertEqual((found["loss"].dtype, found["loss"].shape), (FLOAT32, ()))

    def test_other_layouts_of_memory(self) -> None:
        import numpy as np

        square = np.arange(20_000.0).reshape(100, 200)
        for array in (square.T, square[::2, ::3], square.astype(">f8"), square > 7, square[:, :1]):
            y = taken_apart(returned({"y": array}))["y"]
            self.assertEqual(
                y.body, np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
            )


class Columns(unittest.TestCase):
    def seen(self, numpy: bool | None = None, /, **inputs: bytes) -> Any:
        seen: list[Any] = []

        class Sees:
            def predict(self, X: Any, names: Any, meta: Any = None) -> str:
                seen.extend([X, names])
                return "ok"

        with Server(Sees(), numpy) as server:
            response = server.call(columns(**inputs), PREDICT)
        self.assertEqual(response.error, {})
        return seen

    def test_lists_without_numpy(self) -> None:
        X, names = self.seen(
            False,
            a=integers(INT64, "q", 1, 2),
            b=floats((2, 1), 0.5, 1.5),
            c=texts(b'["x","y"]'),
            d=item(NUMBERS, byte_elements(b"p", b"q"), BYTES, (2, 1)),
        )
        self.assertEqual(X, [[1, 0.5, "x", b"p"], [2, 1.5, "y", b"q"]])
        self.assertEqual(names, ["a", "b", "c", "d"])
        self.assertEqual(self.seen(False), [[], []])

    def test_columns_that_are_none(self) -> None:
        numpies = [False, True] if Codec().numpy else [False]
        cases = {
            "columns must have the same number of rows: 'a' has 2, 'b' has 3": {
                "b": integers(INT64, "q", 1, 2, 3),
            },
            "the input 'b' of shape [1, 2] is no column: it must be of shape [n] or [n, 1]": {
                "b": floats((1, 2), 1, 2),
            },
            "the input 'b' of shape [] is no column: it must be of shape [n] or [n, 1]": {
                "b": TEXT,
            },
        }
        for numpy in numpies:
            for text, inputs in cases.items():
                if not numpy:
                    # The widths of lists stand for nothing else there.
                    text = text.replace("[1, 2]", "[1, 0]")
                with self.subTest(text), Server(Calls(lambda X: X), numpy) as server:
                    body = columns(a=integers(INT64, "q", 1, 2), **inputs)
                    error = server.call(body, PREDICT).error
                    self.assertEqual((error["kind"], error["info"]), ("bad_data", text))

    @needs("numpy")
    def test_numbers_are_promoted(self) -> None:
        import numpy as np

        def one(name: str) -> bytes:
            code = next(code for code, (one, _, _) in protocol.DTYPES.items() if one == name)
            return item(NUMBERS, np.ones(2, name).tobytes(), code, (2,), 1)

        for dtypes, expected in (
            (["float32", "float32"], "float32"),
            (["float16"], "float16"),
            (["bool", "bool"], "bool"),
            (["int64", "float32"], "float64"),
            (["int8", "float32"], "float32"),
            (["bool", "uint8"], "uint8"),
            (["uint64", "int64"], "float64"),
        ):
            inputs = {str(index): one(name) for index, name in enumerate(dtypes)}
            X, names = self.seen(**inputs)
            self.assertEqual((X.dtype, X.shape), (np.dtype(expected), (2, len(dtypes))))
            self.assertEqual((X.tolist(), names), ([[1] * len(dtypes)] * 2, list(inputs)))

    @needs("numpy")
    def test_text_makes_objects(self) -> None:
        X, _ = self.seen(
            a=integers(INT64, "q", 1, 2),
            b=texts(b'[["x"],["y"]]'),
            c=item(NUMBERS, byte_elements(b"p", b"q"), BYTES, (2,)),
        )
        self.assertEqual(X.dtype, object)
        self.assertEqual(X.tolist(), [[1, "x", b"p"], [2, "y", b"q"]])
        X, _ = self.seen(a=integers(INT64, "q"), b=texts(b"[]"))
        self.assertEqual(X.shape, (0, 2))
        self.assertEqual(self.seen()[0].shape, (0, 0))

    @needs("numpy")
    def test_objects_are_limited(self) -> None:
        body = columns(
            a=item(NUMBERS, bytes(1000), 6, (1000,), 1),
            b=texts(b"[" + b",".join([b'""'] * 1000) + b"]"),
        )
        allowed = limits.allowed
        try:
            limits.allow(120_000)
            error = call(Calls(lambda X: "ok"), body, PREDICT).error
            self.assertIn("an array of 2000 objects would take 80000 bytes", error["info"])
            limits.allow(200_000)
            self.assertEqual(call(Calls(lambda X: "ok"), body, PREDICT).body, b"ok")
        finally:
            limits.allow(allowed)

    def test_feedback_has_them_too(self) -> None:
        class Judge:
            seen: Any = None

            def send_feedback(
                self, X: Any, names: Any, reward: Any, truth: Any, routing: Any
            ) -> None:
                Judge.seen = [[list(row) for row in X], names, len(truth), reward]

        columns_of = columns(a=floats((1,), 0.5), b=integers(INT64, "q", 2))
        reward = item(5, b'{"reward":1,"routing":null}')
        call(Judge(), columns_of + item(0) + reward, 6 | 0x80, 3)
        self.assertEqual(Judge.seen, [[[0.5, 2]], ["a", "b"], 0, 1.0])


class NamesOfColumns(unittest.TestCase):
    def test_of_metadata(self) -> None:
        tensor = {"messagetype": "tensor", "schema": {"names": ["a", "b"], "shape": [2]}}
        column = {"name": "a", "datatype": "FP32", "shape": [-1]}
        wide = {"name": "b", "datatype": "FP32", "shape": [-1, 1]}
        for inputs, expected in (
            ([tensor], ["a", "b"]),
            ([{"messagetype": "tensor"}], []),
            ([{"messagetype": "jsonData", "schema": {"names": ["a"]}}], []),
            ([tensor, tensor], []),
            ([column], []),
            ([column, wide], ["a", "b"]),
            ([column, {"name": "b", "shape": [-1, 2]}], []),
            ([column, {"name": "b"}], []),
            ([column, {"shape": [-1]}], []),
            ([], []),
        ):
            with self.subTest(repr(inputs)):
                built = metadata.build({"inputs": inputs}, None, None)
                self.assertEqual(metadata.columns(built), expected)
        self.assertEqual(metadata.columns(None), [])

    def test_are_given_where_the_caller_gives_none(self) -> None:
        class Names:
            def predict(self, X: Any, names: Any) -> Any:
                return {"names": names, "no tensor": None}

        methods = Methods(Names(), Codec(), columns=["a", "b"])
        array = [[1, 2]]
        if Codec().numpy:
            import numpy as np

            array = np.array(array)  # type: ignore[assignment]

        def names(method: int, item: Any) -> Any:
            (_, _, _, body), _, _ = methods.handlers[method]([item])
            return json.loads(bytes(body))["names"]

        self.assertEqual(names(PREDICT, (array, [], None, NUMBERS)), ["a", "b"])
        self.assertEqual(names(PREDICT, (array, ["x", "y"], None, NUMBERS)), ["x", "y"])
        self.assertEqual(names(PREDICT, (array, [], None, JSON)), [])
        self.assertEqual(names(PREDICT, ([1, 2], [], None, LIST)), [])
        self.assertEqual(names(1, (array, [], None, NUMBERS)), [])


if __name__ == "__main__":
    unittest.main()
