"""What the server learns of the results of methods that take raw messages."""

from __future__ import annotations

import json
import unittest
from typing import Any

from streeling_worker.methods import Methods
from streeling_worker.payload import Codec

from tests.support import Response, Server, item, needs

PREDICT, TRANSFORM_INPUT, FEEDBACK, HEALTH = 1, 2, 6, 7
GAUGE = {"key": "k", "type": "GAUGE", "value": 2}
needs_protobuf = needs("google.protobuf")


class Given:
    """Gives back the `give` of a message."""

    def predict_raw(self, message: Any) -> Any:
        return message["give"]

    def transform_input_raw(self, message: Any) -> Any:
        return message["give"]

    def transform_output_rest(self, message: Any) -> Any:
        return message["give"]

    def health_status_raw(self) -> Any:
        return {"status": {"code": 409}, "meta": {"metrics": [GAUGE]}}


class Results(unittest.TestCase):
    def give(self, give: Any, method: int = PREDICT) -> Response:
        with Server(Given()) as server:
            return server.call(item(6, json.dumps({"give": give}).encode()), method)

    def test_any_json_goes_out_as_it_is(self) -> None:
        for value in (1, None, "text", [1, [None]], {}, {"meta": None}, {"meta": {"metrics": 5}}):
            with self.subTest(repr(value)):
                response = self.give(value)
                self.assertEqual((response.kind, response.json, response.meta), (6, value, None))

    def test_predictions_alone_choose_their_status(self) -> None:
        codes = ((409, 409), ("404", 404), ("404 NOT FOUND", 404), (2**40, 2**31 - 1))
        for code, expected in codes:
            with self.subTest(repr(code)):
                response = self.give({"status": {"code": code}})
                self.assertEqual(response.meta, {"status": expected})
                self.assertEqual(response.json, {"status": {"code": code}})
                self.assertIsNone(self.give({"status": {"code": code}}, TRANSFORM_INPUT).meta)
        for status in ("success", "code", None, 5, ["code"], {}, {"code": None}, {"code": True}):
            with self.subTest(repr(status)):
                self.assertIsNone(self.give({"status": status}).meta)

    def test_metrics_count_in_raw_methods_alone(self) -> None:
        metric = {**GAUGE, "tags": {"a": "b", "method": "own"}, "more": [1]}
        given = {"meta": {"metrics": [metric], "puid": "p"}}
        typed = {**GAUGE, "tags": {"a": "b", "method": "own"}}
        for method, label in ((PREDICT, "predict"), (TRANSFORM_INPUT, "inputtransform")):
            response = self.give(given, method)
            self.assertEqual(response.meta, {"metrics": [typed]})
            labelled = {**metric, "tags": {"a": "b", "method": label}}
            expected = {"meta": {"metrics": [labelled], "puid": "p"}}
            self.assertEqual(response.json, expected)
        # The name of a transport, and health.
        response = self.give(given, 3)
        self.assertEqual((response.meta, response.json), (None, given))
        with Server(Given()) as server:
            response = server.call(item(6, b"{}"), HEALTH)
        self.assertIsNone(response.meta)

    def test_which_metrics_count(self) -> None:
        for metric, value in (
            ({"key": "k", "value": 1}, 1),
            ({**GAUGE, "value": "3"}, 3.0),
            ({**GAUGE, "value": True}, 1),
            ({**GAUGE, "value": "x"}, None),
            ({**GAUGE, "value": None}, None),
            ({**GAUGE, "type": "ODD"}, None),
            ({**GAUGE, "type": 1}, None),
        ):
            with self.subTest(repr(metric)):
                response = self.give({"meta": {"metrics": [metric]}})
                meta: Any = response.meta or {"metrics": [{"value": None}]}
                self.assertEqual([found["value"] for found in meta["metrics"]], [value])
                self.assertEqual(response.json, {"meta": {"metrics": [metric]}})
        for bad in (5, {"type": "ODD"}, {"key": "k"}):
            with self.subTest(repr(bad)):
                error = self.give({"meta": {"metrics": [bad]}}).error
                self.assertEqual(error["kind"], "bad_metric")

    def test_metrics_can_be_left_out_of_responses(self) -> None:
        result = {"meta": {"metrics": [GAUGE], "puid": "p"}}

        class Same:
            def predict_raw(self, message: Any) -> Any:
                return result

        methods = Methods(Same(), Codec(), metrics_in_response=False)
        handler = methods.raw_handlers[6, PREDICT]
        for _ in range(2):
            (_, _, _, body), _, meta = handler([({}, [], None, 6)])
            self.assertEqual(json.loads(bytes(body)), {"meta": {"puid": "p"}})
            # The component's own object is not changed, so it counts each time.
            self.assertEqual(json.loads(meta), {"metrics": [GAUGE]})

    def test_a_field_may_be_bytes(self) -> None:
        class Types:
            def predict_raw(self, message: Any) -> Any:
                return {name: repr(value) for name, value in message.items()}

        with Server(Types()) as server:
            body = item(6, b'{"binData":"aGk=","a":"b"}', names=b'["binData"]')
            self.assertEqual(server.call(body).json, {"binData": "b'aGk='", "a": "'b'"})


@needs_protobuf
class Messages(unittest.TestCase):
    def made(self) -> Any:
        from seldon_core.proto import prediction_pb2

        metric = {"key": "k", "type": "GAUGE", "value": 0.1, "tags": {"a": "b"}}
        counter = {"key": "c"}
        return prediction_pb2.SeldonMessage(
            meta={"puid": "p", "metrics": [metric, counter]}, strData="x"
        )

    def reply(self, suffix: str, metrics_in_response: bool) -> tuple[Any, Any]:
        message = self.made()

        class Component:
            pass

        setattr(Component, "predict" + suffix, lambda self, request: message)
        methods = Methods(Component(), Codec(), metrics_in_response)
        (_, _, _, body), _, meta = methods.raw_handlers[10, PREDICT]([(b"", [], None, 10)])
        self.assertEqual(message, self.made())
        return type(message).FromString(bytes(body)), json.loads(meta) if meta else None

    def test_their_metrics_count(self) -> None:
        counted = {
            "metrics": [
                {"type": "GAUGE", "key": "k", "value": 0.1, "tags": {"a": "b"}},
                {"type": "COUNTER", "key": "c", "value": 0.0},
            ]
        }
        self.assertEqual(self.reply("_raw", True), (self.made(), counted))
        left, meta = self.reply("_raw", False)
        self.assertEqual((list(left.meta.metrics), left.meta.puid), ([], "p"))
        self.assertEqual(meta, counted)
        with self.assertLogs("streeling"):
            self.assertEqual(self.reply("_grpc", False), (self.made(), None))


if __name__ == "__main__":
    unittest.main()
