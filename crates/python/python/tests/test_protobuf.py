"""What comes over gRPC: customData, raw messages, deprecated methods, statuses."""

from __future__ import annotations

import enum
import struct
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import protocol

from tests.support import Server, item, needs
from tests.test_vectors import BY_NAME

needs_protobuf = needs("google.protobuf")
FEEDBACK, AGGREGATE, HEALTH = protocol.SEND_FEEDBACK, protocol.AGGREGATE, protocol.HEALTH_STATUS


def custom(type_url: str, value: bytes) -> bytes:
    name = type_url.encode()
    return item(9, struct.pack("<I", len(name)) + name + value)


def messages() -> Any:
    from seldon_core.proto import prediction_pb2

    return prediction_pb2


class Echo:
    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        self.seen = X
        return X if names == [] else None

    def aggregate(self, values: Any, names: Any) -> Any:
        return values[-1]


class CustomData(unittest.TestCase):
    @needs_protobuf
    def test_the_vectors_both_ways(self) -> None:
        component = Echo()
        with Server(component) as server:
            server.send(bytes.fromhex(BY_NAME["request: custom"]["frame"]))
            response = server.response()
        self.assertEqual(type(component.seen).__name__, "Any")
        self.assertEqual((component.seen.type_url, component.seen.value), ("x.y/", b"\x00\xff"))
        item_of_reply = BY_NAME["reply: custom"]["decoded"]["items"][0]
        self.assertEqual((response.kind, response.body.hex()), (9, item_of_reply["body"]))

    @needs_protobuf
    def test_among_others(self) -> None:
        with Server(Echo()) as server:
            response = server.call(item(3, b"x") + custom("u", b""), AGGREGATE, 2)
            self.assertEqual((response.kind, response.body), (9, b"\1\0\0\0u"))

    @needs_protobuf
    def test_another_message_cannot_be_returned(self) -> None:
        from google.protobuf.struct_pb2 import Value

        class Returns:
            def predict(self, X: Any, names: Any) -> Any:
                return Value(bool_value=True)

        with Server(Returns()) as server:
            self.assertEqual(server.call(item(3, b"x")).error["kind"], "bad_data")

    def test_without_protobuf(self) -> None:
        component = Echo()
        hidden = {"google": None, "google.protobuf": None, "google.protobuf.any_pb2": None}
        with mock.patch.dict(sys.modules, hidden), Server(component) as server:
            error = server.call(custom("u", b"v")).error
        self.assertEqual(error["kind"], "bad_data")
        self.assertIn("install the package protobuf", error["info"])
        self.assertFalse(hasattr(component, "seen"))


class Raw:
    """Returns with what it was called with, by way of the text in its message."""

    def predict_raw(self, message: Any) -> Any:
        if isinstance(message, dict):
            return {"strData": "dict"}
        if message.strData == "message":
            return message
        if message.strData == "decline":
            from seldon_core.user_model import SeldonNotImplementedError

            raise SeldonNotImplementedError("plain, please")
        if message.strData == "list":
            return messages().SeldonMessageList()
        return {"strData": type(message).__name__, "meta": {"puid": message.meta.puid}}

    def aggregate_raw(self, message: Any) -> Any:
        return {"count": len(message.seldonMessages)}

    def send_feedback_raw(self, message: Any) -> Any:
        return message.request

    def health_status_raw(self) -> Any:
        return {"strData": "fine"}


@needs_protobuf
class RawMessages(unittest.TestCase):
    def setUp(self) -> None:
        self.server = Server(Raw())
        self.addCleanup(self.server.close)

    def call(self, message: Any, method: int = 1) -> Any:
        return self.server.call(item(10, message.SerializeToString()), method)

    def test_the_vectors_both_ways(self) -> None:
        self.server.send(bytes.fromhex(BY_NAME["request: raw message as protobuf"]["frame"]))
        response = self.server.response()
        self.assertEqual(response.kind, 6)
        self.assertEqual(response.json, {"strData": "SeldonMessage", "meta": {"puid": "p"}})
        message = messages().SeldonMessage(meta={"puid": "p"}, strData="message")
        response = self.call(message)
        self.assertEqual(response.kind, 10)
        self.assertEqual(messages().SeldonMessage.FromString(response.body), message)

    def test_each_method_gets_its_message(self) -> None:
        made = messages()
        message = made.SeldonMessage(jsonData={"number_value": 2.5})
        feedback = made.Feedback(request=message, reward=1)
        response = self.call(feedback, FEEDBACK)
        self.assertEqual(made.SeldonMessage.FromString(response.body), message)
        several = made.SeldonMessageList(seldonMessages=[message, message])
        self.assertEqual(self.call(several, AGGREGATE).json, {"count": 2})
        self.assertEqual(self.server.call(item(6, b"{}"), HEALTH).json, {"strData": "fine"})
        self.assertEqual(self.server.call(item(6, b"{}")).json, {"strData": "dict"})

    def test_declined_and_refused(self) -> None:
        made = messages()
        error = self.call(made.SeldonMessage(strData="decline")).error
        self.assertEqual(error["kind"], "not_implemented")
        error = self.call(made.SeldonMessage(strData="list")).error
        self.assertEqual(error["kind"], "component")
        self.assertIn("not a seldon.protos.SeldonMessageList", error["info"])
        self.assertEqual(self.server.call(item(10, b"\xff")).error["kind"], "bad_data")

    def test_classes_hold_what_the_protocol_has(self) -> None:
        made = messages()
        message = made.SeldonMessage(
            status=made.Status(code=3, status=made.Status.FAILURE),
            meta=made.Meta(metrics=[made.Metric(key="k", type=made.Metric.TIMER, value=2)]),
            data=made.DefaultData(names=["a"], tensor=made.Tensor(shape=[1], values=[0.5])),
        )
        message.meta.tags["t"].bool_value = True
        again = made.SeldonMessage.FromString(message.SerializeToString())
        self.assertEqual(again, message)
        self.assertEqual(again.WhichOneof("data_oneof"), "data")
        self.assertEqual(again.data.WhichOneof("data_oneof"), "tensor")
        made.SeldonModelMetadata(name="n", custom={"a": "b"}).SerializeToString()


class RawWithoutProtobuf(unittest.TestCase):
    def test_the_error_names_the_package(self) -> None:
        hidden = {"seldon_core.proto": None}
        with mock.patch.dict(sys.modules, hidden), Server(Raw()) as server:
            error = server.call(item(10, b"")).error
        self.assertEqual(error["kind"], "bad_data")
        self.assertIn("package protobuf", error["info"])


class Old:
    """Every name that a method ever had."""

    def predict(self, X: Any, names: Any) -> str:
        return "predict"

    def predict_raw(self, message: Any) -> Any:
        return {"strData": "predict_raw"}

    def predict_rest(self, message: Any) -> Any:
        return {"strData": "predict_rest " + type(message).__name__}

    def predict_grpc(self, message: Any) -> Any:
        return messages().SeldonMessage(strData="predict_grpc " + type(message).__name__)

    def route_rest(self, message: Any) -> Any:
        return {"strData": "route_rest"}

    def send_feedback_rest(self, feedback: str) -> Any:
        return {"strData": feedback}


class Deprecated(unittest.TestCase):
    def test_a_warning_at_load(self) -> None:
        with self.assertLogs("streeling", "WARNING") as logs, Server(Old()):
            pass
        names = [record.getMessage().split()[0] for record in logs.records]
        self.assertEqual(
            names, ["predict_grpc", "predict_rest", "route_rest", "send_feedback_rest"]
        )
        self.assertTrue(logs.records[0].getMessage().endswith("use predict_raw instead"))

    @needs_protobuf
    def test_they_come_first(self) -> None:
        made = messages()
        with self.assertLogs("streeling"), Server(Old()) as server:
            self.assertEqual(server.call(item(6, b"{}")).json, {"strData": "predict_rest dict"})
            response = made.SeldonMessage.FromString(server.call(item(10, b"")).body)
            self.assertEqual(response.strData, "predict_grpc SeldonMessage")
            self.assertEqual(server.call(item(6, b"{}"), 4).json, {"strData": "route_rest"})
            feedback = made.Feedback(request=made.SeldonMessage(strData="a"), reward=1)
            text = '{\n  "request": {\n    "strData": "a"\n  },\n  "reward": 1.0\n}'
            # What it returns becomes a message, as feedback over REST becomes one.
            response = server.call(item(10, feedback.SerializeToString()), FEEDBACK)
            self.assertEqual(made.SeldonMessage.FromString(response.body).strData, text)
            body = b'{"request":{"strData":"a","meta":[]},"reward":1}'
            response = server.call(item(6, body), FEEDBACK)
            self.assertEqual(
                response.json["strData"], text.replace('"strData"', '"meta": {},\n    "strData"')
            )
            error = server.call(item(6, b'{"request":5}'), FEEDBACK).error
            self.assertEqual(error["kind"], "bad_data")
            self.assertTrue(error["info"].startswith("Invalid JSON: "), error)

    @needs_protobuf
    def test_predictions_alone_choose_by_the_transport(self) -> None:
        class Rest:
            def predict_rest(self, message: Any) -> Any:
                return type(message).__name__

            route_rest = predict_rest
            route_grpc = predict_rest

            def aggregate_grpc(self, message: Any) -> Any:
                return type(message).__name__

        with self.assertLogs("streeling"), Server(Rest()) as server:
            self.assertEqual(server.call(item(6, b"[]")).json, "list")
            self.assertEqual(server.call(item(10, b"")).error["kind"], "not_implemented")
            for kind, message in ((6, "dict"), (10, "SeldonMessage")):
                body = b"{}" if kind == 6 else b""
                self.assertEqual(server.call(item(kind, body), 4).json, message)
            self.assertEqual(server.call(item(6, b"5"), AGGREGATE).json, "int")
            message = server.call(item(10, b""), AGGREGATE).json
            self.assertEqual(message, "SeldonMessageList")


class StatusCode(enum.Enum):
    OK = (0, "ok")
    NOT_FOUND = (5, "not found")


class Statuses(unittest.TestCase):
    def status(self, value: Any) -> Any:
        class Fails(Exception):
            grpc_status = value

        class Component:
            def predict(self, X: Any, names: Any) -> Any:
                raise Fails("gone")

        with Server(Component()) as server:
            error = server.call(item(3, b"x")).error
        self.assertEqual((error["kind"], error["info"]), ("component", "gone"))
        return error["grpc_status"]

    def test_numbers_names_and_members(self) -> None:
        for value, number in (
            (1, 1),
            (16, 16),
            ("CANCELLED", 1),
            ("NOT_FOUND", 5),
            ("UNAUTHENTICATED", 16),
            (StatusCode.NOT_FOUND, 5),
            (None, None),
        ):
            with self.subTest(value=value):
                self.assertEqual(self.status(value), number)

    def test_anything_else_is_ignored_with_a_warning(self) -> None:
        for value in (0, 17, -1, True, 5.0, "OK", "not_found", StatusCode.OK, [5], b"NOT_FOUND"):
            with self.subTest(value=value):
                with self.assertLogs("streeling", "WARNING") as logs:
                    self.assertIsNone(self.status(value))
                self.assertIn(repr(value), logs.output[0])


if __name__ == "__main__":
    unittest.main()
