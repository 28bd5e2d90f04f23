"""Both directions of every byte vector that concerns a worker."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support import VECTORS, Response, Server, frame, item, needs, receive

BY_NAME = {vector["name"]: vector for vector in VECTORS}


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: plain(element) for name, element in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


class Recorder:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def _see(self, X: Any, names: Any, meta: Any = None) -> str:
        self.seen = [plain(X), names, meta]
        return "ok"

    predict = transform_input = transform_output = _see

    def predict_raw(self, message: Any) -> Any:
        self.seen = [message]
        return message if isinstance(message, bytes) else {"strData": "x"}

    def route(self, X: Any, names: Any) -> int:
        self.seen = [X]
        return 1

    def aggregate(self, values: Any, names: Any) -> str:
        self.seen = [[plain(value) for value in values], names]
        return "ok"

    def send_feedback(
        self,
        X: Any,
        names: Any,
        reward: float,
        truth: Any,
        routing: int | None = None,
    ) -> None:
        self.seen = [plain(X), names, reward, plain(truth), routing]

    def health_status(self) -> str:
        self.seen = ["called"]
        return "ok"


SEEN: dict[str, list[Any]] = {
    "2x2 floats with names and meta": [
        [[1, 2], [3, 4.5]],
        ["a", "b"],
        {"puid": "p", "tags": {"k": 1}},
    ],
    "with a deadline": [[1, -2], [], None],
    "with an id": ["h\u00e9 \U0001f600", [], None],
    "with an id and a trace": ["h\u00e9 \U0001f600", [], None],
    "with a trace that is not recorded": ["h\u00e9 \U0001f600", [], None],
    "empty data": [[], ["a"], None],
    "scalar": [True, [], None],
    "float32 of three dimensions": [[[[1, 2, 3], [4, 5, 6]]], [], None],
    "array written as JSON": [[["a", 1], [None, 2]], [], None],
    "tensor written as JSON": [["a", "b"], [], None],
    "text": ["h\u00e9 \U0001f600", [], None],
    "binary": [b"\x00\xff\x10", [], None],
    "raw message": [{"strData": "x"}],
    "passthrough": [b'\x00{"x'],
    "bytes of two dimensions": [[[b"a", b""], [b"\x00\xff", b"\xc3\xa9"]], [], None],
    "one element of bytes": [b"abc", [], None],
    "no bytes at all": [[], [], None],
    "named inputs": [
        {
            "ids": [1, -2],
            "\u00e9": [[b"\xff", b"x"]],
            "": "h\u00e9",
            "list": [["a", None]],
            "json": {"a": 1},
            "binary": b"\x00\xff",
            "none": None,
        },
        ["ids", "\u00e9", "", "list", "json", "binary", "none"],
        {"tags": {"k": 1}},
    ],
    "no input at all": [{}, [], None],
    "text over gRPC": ["x", [], {}],
    "route": ["x"],
    "aggregate of two": [[[1], "b"], [["x"], []]],
    "feedback": [[[1, 2]], ["a", "b"], 0.5, [], None],
    "feedback with truth": [[1, 2], [], 1.0, [3], 2],
    "health status": ["called"],
    "as it came": ["x", [], None],
    "of a caller of tensors": [[[0.5, -1]], [], {"puid": "p", "tags": {"k": 1}}],
    "columns": [
        [[1, 0.5, "x", b"\xff"], [-2, 2, "\u00e9", b""]],
        ["a", "\u00e9", "text", "bytes"],
        None,
    ],
}


# Tested on their own.
APART = {"json", "custom", "page", "raw message as protobuf"}


class Returns:
    def __init__(self, value: Any) -> None:
        self.value = value

    def predict(self, X: Any, names: Any) -> Any:
        return self.value


class Annotated(Returns):
    def class_names(self) -> list[str]:
        return ["a", "b"]

    def tags(self) -> dict[str, Any]:
        return {"t": 1}

    def metrics(self) -> list[dict[str, Any]]:
        return [
            {"type": "COUNTER", "key": "k", "value": 1, "tags": {"a": "b"}},
            {"type": "GAUGE", "key": "g", "value": 1.5},
        ]


class Xy(Returns):
    class_names = ("x", "y")


class Requests(unittest.TestCase):
    def check(self, numpy: bool) -> None:
        names = [
            name
            for name in BY_NAME
            if name.startswith("request: ") and name[len("request: ") :] not in APART
        ]
        self.assertEqual({name[len("request: ") :] for name in names}, set(SEEN))
        for name in names:
            with self.subTest(name):
                recorder = Recorder()
                with Server(recorder, numpy) as server:
                    server.send(bytes.fromhex(BY_NAME[name]["frame"]))
                    response = server.response()
                self.assertEqual(response.error, {})
                self.assertEqual(response.identity, BY_NAME[name]["decoded"]["id"])
                self.assertEqual(recorder.seen, SEEN[name[len("request: ") :]])

    @needs("numpy")
    def test_with_numpy(self) -> None:
        self.check(True)

    def test_without_numpy(self) -> None:
        self.check(False)

    def test_json(self) -> None:
        recorder = Recorder()
        with Server(recorder) as server:
            server.send(bytes.fromhex(BY_NAME["request: json"]["frame"]))
            server.response()
        value, names, meta = recorder.seen
        self.assertEqual(value["a"][0], 1)
        self.assertNotEqual(value["a"][1], value["a"][1])
        self.assertEqual((names, meta), ([], {}))


class Replies(unittest.TestCase):
    def reply(self, component: object, request: bytes, method: int = 1) -> bytes:
        """The reply with id and times taken out."""
        with Server(component) as server:
            server.send(frame(6, request, method, 1, identity=99))
            head = receive(server.sock, 32)
            body = receive(server.sock, int.from_bytes(head[:8], "little"))
        self.assertEqual(int.from_bytes(head[16:24], "little"), 99)
        return head[:12] + bytes(20) + body

    def vector(self, name: str) -> bytes:
        data = bytes.fromhex(BY_NAME["reply: " + name]["frame"])
        return data[:12] + bytes(20) + data[32:]

    def test_every_reply(self) -> None:
        text = item(3, b"x")
        components: dict[str, tuple[object, bytes, int]] = {
            "tensor": (Returns([[1.0, 2.0], [3.0, 4.5]]), text, 1),
            "empty tensor": (object(), text, 1),
            "list with shape": (Returns([["a", 1], ["b", None]]), text, 1),
            "list with names": (Xy([[True, False]]), text, 1),
            "text": (Returns("h\u00e9"), text, 1),
            "binary": (Returns(b"\x00\xff"), text, 1),
            "json": (Returns({"a": [1, 2.5]}), text, 1),
            "raw message": (Recorder(), item(6, b"{}"), 1),
            "passthrough": (Recorder(), item(8, b'\x00{"x'), 1),
            "booleans": (Returns([[True], [False]]), text, 1 | 0x80),
            "named tensors": (
                Returns(
                    {
                        "n": [7],
                        "\u00e9": [True, False],
                        "t": ["a", "\u00e9"],
                        "s": [b"a\x00", b""],
                    }
                ),
                text,
                1 | 0x80,
            ),
        }
        for name, (component, request, method) in components.items():
            with self.subTest(name):
                self.assertEqual(
                    self.reply(component, request, method).hex(), self.vector(name).hex()
                )
        left = {n[len("reply: ") :] for n in BY_NAME if n.startswith("reply: ")} - set(components)
        # Tested on their own.
        apart = {"tensor with names and meta", "tensor proto", "custom", "http"}
        self.assertEqual(left, {*apart, "raw message as protobuf"})

    @needs("numpy")
    def test_tensor_with_names_and_meta(self) -> None:
        import numpy as np

        component = Annotated(np.array([[0.5, 2]], dtype="float32"))
        self.assertEqual(
            self.reply(component, item(3, b"x")).hex(),
            self.vector("tensor with names and meta").hex(),
        )

    @needs("numpy")
    def test_tensor_proto(self) -> None:
        import numpy as np

        found = self.reply(Returns(np.array([[1.5 - 2j]])), item(3, b"x"))
        self.assertEqual(found.hex(), self.vector("tensor proto").hex())

    def test_error_bodies_have_the_same_keys(self) -> None:
        for name, vector in BY_NAME.items():
            if name.startswith("error: "):
                data = bytes.fromhex(vector["frame"])
                head = tuple(int.from_bytes(data[a:b], "little") for a, b in FIELDS)
                keys = [
                    "kind",
                    "info",
                    "reason",
                    "status",
                    "code",
                    "grpc_status",
                    "traceback",
                    "body",
                ]
                self.assertEqual(list(Response(head, data[32:]).error), keys)


FIELDS = ((0, 8), (8, 9), (9, 10), (10, 12), (12, 16), (16, 24), (24, 32))

if __name__ == "__main__":
    unittest.main()
