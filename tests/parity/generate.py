"""Write random classes, and random exchanges with each of them, for the parity run.

One JSON value a line on standard output: a class (``component``, its ``source``, the server's
``env``), followed by its requests in the form of ``streeling compare``. The same seed gives the
same text on every Python.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import struct
import sys
from typing import Any, Sequence, TypeVar
from urllib.parse import quote, quote_plus

from payloads import Payloads
from shapes import Shape, environment

T = TypeVar("T")

ROUTES = (
    *("/predict", "/predict", "/predict", "/api/v1.0/predictions", "/api/v0.1/predictions"),
    *("/transform-input", "/transform-input", "/transform-output", "/transform-output", "/route"),
    *("/aggregate", "/aggregate", "/send-feedback", "/send-feedback", "/api/v1.0/feedback"),
)
PLAIN = ("/health/status", "/api/v1.0/health/status", "/health/ping", "/metadata")
CALLS = (
    *("Model/Predict", "Model/Predict", "Seldon/Predict", "Generic/TransformInput"),
    *("Transformer/TransformInput", "Generic/TransformOutput", "OutputTransformer/TransformOutput"),
    *("Generic/Route", "Router/Route", "Generic/Aggregate", "Combiner/Aggregate"),
    *("Model/SendFeedback", "Generic/SendFeedback", "Router/SendFeedback", "Model/Metadata"),
)
BROKEN = (
    *("", "{", "[1,2", "null", "5", '"text"', "[]", "{}", '{"data":{"ndarray":[[1,]]}}', "nul"),
    *('{"strData":"a"} x', '{"a":1}', '{"strData":"\\ud83d"}', "[[1,2]]", '{"strData":"a",}'),
)
BOUNDARY = "the-boundary"


def text_of(message: Any) -> str:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))


class Exchanges:
    """Makes the requests to one class."""

    def __init__(self, chance: random.Random, source: str) -> None:
        self.chance = chance
        self.payloads = Payloads(chance)
        missing = [word for word in ("route", "aggregate") if f" {word}" not in source]
        self.routes = [route for route in ROUTES if route[1:] not in missing]
        self.calls = [call for call in CALLS if call.partition("/")[2].lower() not in missing]

    def one(self, choices: Sequence[T]) -> T:
        return self.chance.choice(choices)

    def rest(self) -> dict[str, Any]:
        """Make a request over REST."""
        if self.chance.random() < 0.05:
            path = self.one(PLAIN)
            return {"name": f"{path} get", "method": "GET", "path": path}
        path = self.one(self.routes if self.chance.random() < 0.95 else ROUTES)
        if self.chance.random() < 0.05:
            body = self.one(BROKEN)
            return self.post(path, "broken", body)
        label, message = self.message(path, grpc=False)
        text = text_of(message)
        kind = self.chance.random()
        if kind < 0.72:
            return self.post(path, "json " + label, text)
        if kind < 0.74:
            name = self.one(
                ("text/plain", "application/vnd.x+json", "application/json;charset=utf-8")
            )
            return self.post(path, f"{name} {label}", text, name)
        if kind < 0.82:
            form = "application/x-www-form-urlencoded"
            return self.post(path, "form " + label, f"json={quote_plus(text)}", form)
        if kind < 0.87 and "/api/" not in path:
            query = f"{path}?json={quote(text)}"
            return {"name": f"{path} query {label}", "method": "GET", "path": query}
        if kind < 0.89:
            form = "application/x-www-form-urlencoded"
            return self.post(path, "form other", f"other={quote_plus(text)}", form)
        return self.multipart(path, label, message)

    def message(self, path: str, grpc: bool) -> tuple[str, Any]:
        if "ggregate" in path:
            return self.payloads.messages(grpc)
        if "eedback" in path:
            return self.payloads.feedback(grpc)
        return self.payloads.message(grpc)

    def post(
        self, path: str, label: str, body: str, kind: str = "application/json"
    ) -> dict[str, Any]:
        made = {"name": f"{path} {label}", "method": "POST", "path": path, "body": body}
        return {**made, "headers": {"content-type": kind}}

    def multipart(self, path: str, label: str, message: Any) -> dict[str, Any]:
        """Send the message's fields as parts; text and bytes sometimes as files."""
        parts = []
        fields = message.items() if isinstance(message, dict) else [("json", message)]
        words = []
        for name, value in fields:
            file = f'; filename="{name}.txt"' if self.chance.random() < 0.3 else ""
            text = value if name == "strData" and isinstance(value, str) else text_of(value)
            if name == "binData":
                file, text = f'; filename="{name}.bin"', "bytes of a file"
            words.append(f"{name}{' as a file' if file else ''}")
            head = f'Content-Disposition: form-data; name="{name}"{file}'
            parts.append(f"--{BOUNDARY}\r\n{head}\r\n\r\n{text}\r\n")
        body = "".join(parts) + f"--{BOUNDARY}--\r\n"
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.post(path, f"parts {', '.join(words)} of {label}", body, kind)

    def call(self) -> dict[str, Any]:
        """Make a call over gRPC."""
        name = self.one(self.calls if self.chance.random() < 0.95 else CALLS)
        if name == "Model/Metadata":
            return {"name": name, "call": name, "message": {}}
        if self.chance.random() < 0.05 and "Aggregate" not in name and "Feedback" not in name:
            return self.bytes_call(name)
        label, message = self.message(name, grpc=True)
        return {"name": f"{name} {label}", "call": name, "message": message}

    def bytes_call(self, name: str) -> dict[str, Any]:
        """Make a call with what the JSON of protobuf does not say."""
        any_value = field(1, b"type.googleapis.com/x.Y") + field(2, b"\x08\x01")
        values = struct.pack("<2d", float("nan"), float("inf"))
        shape = field(1, b"\x02")
        label, message = self.one(
            (
                ("customData", field(7, any_value)),
                ("unknown-field", field(5, b"text") + field(99, b"x")),
                ("tensor-not-finite", field(3, field(2, shape + field(2, values)))),
                ("tensor-surplus", field(3, field(2, field(1, b"\x01") + field(2, values)))),
                ("strData-twice", field(5, b"a") + field(5, b"b")),
                ("broken", b"\xff\xff"),
            )
        )
        data = base64.b64encode(message).decode()
        return {"name": f"{name} {label}", "call": name, "base64": data}


def field(number: int, value: bytes) -> bytes:
    """Write a field of protobuf that has a length below 128."""
    key = number << 3 | 2
    head = bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
    return head + bytes([len(value)]) + value


def main() -> None:
    """Write all of it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--classes", type=int, default=64)
    options.add_argument("--exchanges", type=int, default=80, help="with each class")
    given = options.parse_args()
    for number in range(given.classes):
        chance = random.Random(given.seed * 100_000 + number)
        name = f"Shape{number:03}"
        source = Shape(name, chance).source()
        write({"component": name, "source": source, "env": environment(chance)})
        exchanges = Exchanges(chance, source)
        for index in range(given.exchanges):
            made = exchanges.call() if chance.random() < 0.4 else exchanges.rest()
            made["name"] = f"{index:03} {made['name']}"
            write(made)


def write(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")


if __name__ == "__main__":
    main()
