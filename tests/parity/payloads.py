"""Messages of every kind, well formed and not, as JSON values with a word for what they are."""

from __future__ import annotations

import base64
import random
import struct
from typing import Any, Sequence, TypeVar

T = TypeVar("T")

NDARRAYS = {
    "ints": [[1, 2], [3, 4]],
    "floats": [[1.5, 2.0, 0.1]],
    "mixed-numbers": [[1, 2.5]],
    "bools": [[True, False]],
    "bool-and-int": [[True, 2]],
    "texts": [["a", "bé"]],
    "text-and-number": [["a", 1, 2.5]],
    "nulls": [[1, None]],
    "flat": [1, 2, 3],
    "flat-floats": [0.25],
    "flat-texts": ["x", "y"],
    "cube": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]],
    "empty": [],
    "empty-row": [[]],
    "empty-rows": [[], []],
    "ragged": [[1, 2], [3]],
    "dicts": [{"a": 1}, {"a": 2}],
    "row-of-dict": [[{"a": [1]}, 2]],
    "big": [[9007199254740993, -9223372036854775808]],
    "huge": [[2**70]],
    "huge-float": [[1e300, -0.0, 5e-324]],
    "scalar": 5,
    "text": "abc",
    "null": None,
    "object": {"a": 1},
    "not-finite": [[float("nan"), float("inf"), float("-inf")]],
}
# What protobuf's ListValue cannot hold, or JSON of protobuf does not say.
NOT_OVER_GRPC = {"scalar", "text", "null", "object", "not-finite", "huge"}

TENSORS = {
    "row": {"shape": [1, 3], "values": [1.5, 2, 3]},
    "ints": {"shape": [2, 2], "values": [1, 2, 3, 4]},
    "flat": {"shape": [2], "values": [0.5, 1.0]},
    "cube": {"shape": [1, 2, 2], "values": [1, 2, 3, 4]},
    "bools": {"shape": [2], "values": [True, False]},
    "empty": {"shape": [0], "values": []},
    "empty-columns": {"shape": [2, 0], "values": []},
    "no-shape": {"values": [1.0]},
    "no-values": {"shape": [0]},
    "nothing": {},
    "short": {"shape": [2, 2], "values": [1, 2, 3]},
    "inferred": {"shape": [-1, 2], "values": [1, 2, 3, 4]},
    "texts": {"shape": [1], "values": ["a"]},
    "nested": {"shape": [1, 2], "values": [[1, 2]]},
    "surplus": {"shape": [1], "values": [1, 2]},
}
TENSORS_OVER_GRPC = ("row", "ints", "flat", "cube", "empty", "empty-columns", "short", "inferred")


def tftensor(dtype: str, shape: list[int], **values: Any) -> dict[str, Any]:
    """Make a ``TensorProto`` as JSON."""
    return {"dtype": dtype, "tensorShape": {"dim": [{"size": size} for size in shape]}, **values}


# Dtypes that NumPy has: for others the component needs TensorFlow, which the tests do without.
TFTENSORS = {
    "floats": tftensor("DT_FLOAT", [1, 2], floatVal=[0.5, 1.5]),
    "doubles": tftensor("DT_DOUBLE", [2, 1], doubleVal=[0.1, 2.0]),
    "ints": tftensor("DT_INT32", [2], intVal=[1, -2]),
    "longs": tftensor("DT_INT64", [1, 2], int64Val=["1", "-2"]),
    "bools": tftensor("DT_BOOL", [2], boolVal=[True, False]),
    "one": tftensor("DT_FLOAT", [2, 2], floatVal=[7.0]),
    "content": tftensor(
        "DT_DOUBLE", [1, 2], tensorContent=base64.b64encode(struct.pack("<2d", 0.5, 2)).decode()
    ),
    "bytes": tftensor("DT_UINT8", [3], intVal=[1, 2, 255]),
    "halves": tftensor("DT_HALF", [1], halfVal=[15360]),
}

JSONS: tuple[Any, ...] = (
    *({"a": 1}, {}, [1, 2.5, "x", None], "text", 5, 2.5, True, None, [], {"a": {"b": [{}]}}),
    *({"kind": "é😀\u2028"}, {"big": 2**60}, [[1, 2], [3, 4]], {"n": -0.0}, [{"a": 1}]),
)
TEXTS = ("text", "", "é😀 <&>\"'", "1", "null", "a\nb")
NAMES: tuple[Any, ...] = (["a", "b"], ["a", "b"], ["a"], [], ["é"], ["a", "b", "c"])
ODD_NAMES: tuple[Any, ...] = (
    [1, 2],
    [1.5, None],
    "ab",
    None,
    {"a": 1},
    [["a"]],
    [True],
    5,
    ["a", 2],
)
META: tuple[Any, ...] = (
    *({}, {"puid": "p1"}, {"tags": {"t": 1, "u": [1, {"v": None}], "w": 2.5}}, {"tags": {}}),
    *({"routing": {"unit": 1, "other": -1}}, {"requestPath": {"a": "image:1"}}),
    {"metrics": [{"key": "m", "type": "GAUGE", "value": 2.5, "tags": {"x": "y"}}]},
    {"metrics": [{"key": "m", "value": 1.5}]},
    {"puid": "é", "tags": {"a": "b"}, "routing": {"r": 0}, "requestPath": {"unit": "i"}},
)
ODD_META: tuple[Any, ...] = (
    *({"puid": 5}, {"puid": None}, {"other": [1]}, {"puid": "p", "other": {"a": 1}}),
    *({"tags": {"t": None}}, {"routing": {"unit": 1.5}}, {"requestPath": {"a": 1}}),
    *({"puid": ["p"]}, {"routing": {"unit": "1"}}, {"routing": []}, {"tags": None}),
)
WRONG_META: tuple[Any, ...] = (
    None,
    [],
    "meta",
    {"tags": [1]},
    {"metrics": [{"type": "ODD"}]},
    {"metrics": {}},
)


class Payloads:
    """Makes messages, whose random choices ``chance`` makes."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance

    def one(self, choices: Sequence[T]) -> T:
        return self.chance.choice(choices)

    def message(self, grpc: bool) -> tuple[str, dict[str, Any]]:
        """Make a whole message and say what is in it."""
        label, message = self.payload(grpc)
        if "data" in message and isinstance(message["data"], dict):
            word, names = self.names(grpc)
            if word:
                label += " " + word
                message["data"]["names"] = names
        word, meta = self.meta(grpc)
        if word:
            label += " " + word
            message["meta"] = meta
        if self.chance.random() < 0.04:
            label += " status"
            message["status"] = {"code": 200, "info": "fine", "status": "SUCCESS"}
        if not grpc and self.chance.random() < 0.04:
            label += " extra-key"
            message["extra"] = self.one(JSONS)
        return label, message

    def payload(self, grpc: bool) -> tuple[str, dict[str, Any]]:
        kind = self.chance.random()
        if kind < 0.42:
            allowed = [name for name in NDARRAYS if not (grpc and name in NOT_OVER_GRPC)]
            name = self.one(allowed)
            return f"ndarray-{name}", {"data": {"ndarray": NDARRAYS[name]}}
        if kind < 0.6:
            name = self.one(TENSORS_OVER_GRPC if grpc else tuple(TENSORS))
            return f"tensor-{name}", {"data": {"tensor": TENSORS[name]}}
        if kind < 0.66:
            name = self.one(tuple(TFTENSORS))
            return f"tftensor-{name}", {"data": {"tftensor": TFTENSORS[name]}}
        if kind < 0.75:
            return "strData", {"strData": self.one(TEXTS)}
        if kind < 0.83:
            return "binData", {
                "binData": base64.b64encode(self.one((b"", b"\x00\xff", b"abcd"))).decode()
            }
        if kind < 0.93:
            return "jsonData", {"jsonData": self.one(JSONS)}
        if grpc:
            return self.one((("nothing", {}), ("no-data", {"data": {}})))
        odd: tuple[tuple[str, dict[str, Any]], ...] = (
            *(("nothing", {}), ("no-data", {"data": {}}), ("data-null", {"data": None})),
            *(("data-list", {"data": [1]}), ("strData-number", {"strData": 5})),
            *(("strData-null", {"strData": None}), ("strData-list", {"strData": ["a"]})),
            ("two-payloads", {"strData": "a", "jsonData": {"b": 1}}),
            ("two-arrays", {"data": {"ndarray": [[1]], "tensor": TENSORS["row"]}}),
            ("customData", {"customData": {"@type": "x/y", "value": "eA=="}}),
            ("base64-broken", {"binData": "a-b_"}),
            ("base64-spaces", {"binData": "YWJj\r\nZGVm\n"}),
            ("data-other", {"data": {"other": [1]}}),
        )
        return self.one(odd)

    def names(self, grpc: bool) -> tuple[str, Any]:
        kind = self.chance.random()
        if kind < 0.4:
            return "", None
        if kind < 0.85 or grpc:
            return "names", self.one(NAMES)
        return "names-odd", self.one(ODD_NAMES)

    def meta(self, grpc: bool) -> tuple[str, Any]:
        kind = self.chance.random()
        if kind < 0.5:
            return "", None
        if kind < 0.85 or grpc:
            return "meta", self.one(META)
        if kind < 0.95:
            return "meta-odd", self.one(ODD_META)
        return "meta-wrong", self.one(WRONG_META)

    def messages(self, grpc: bool) -> tuple[str, Any]:
        """Make what an aggregate gets."""
        made = [self.message(grpc) for _ in range(self.one((1, 2, 2, 3, 0)))]
        if not grpc and self.chance.random() < 0.08:
            return "list-odd", self.one(
                ({}, {"seldonMessages": None}, {"seldonMessages": {}}, [], {"seldonMessages": [1]})
            )
        label = f"list of {len(made)}: " + ", ".join(label for label, _ in made)
        return label, {"seldonMessages": [message for _, message in made]}

    def feedback(self, grpc: bool) -> tuple[str, dict[str, Any]]:
        """Make feedback."""
        made: dict[str, Any] = {}
        words = ["feedback"]
        for part, share in (("request", 0.85), ("response", 0.5), ("truth", 0.6)):
            if self.chance.random() < share:
                label, message = self.message(grpc)
                made[part] = message
                words.append(f"{part}={label}")
        if self.chance.random() < 0.7:
            made["reward"] = self.one((0, 1, 0.5, -2.25))
        if not grpc and self.chance.random() < 0.05:
            made[self.one(("reward", "extra"))] = self.one(("1.5", "x", None, True))
            words.append("odd")
        return " ".join(words), made
