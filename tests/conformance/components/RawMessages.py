"""Raw methods that make protobuf messages of their own."""

from typing import Any


class RawMessages:
    """Responds with the kind of message that the request's text names; for callers over gRPC."""

    def predict_raw(self, msg: Any) -> Any:
        from google.protobuf import wrappers_pb2
        from seldon_core.proto import prediction_pb2

        made = prediction_pb2.SeldonMessage()
        if msg.strData == "raises":
            raise ValueError("raw failed")
        if msg.strData == "same":
            return msg
        if msg.strData == "new":
            made.strData = "made"
        if msg.strData == "status":
            made.status.code = 409
            made.status.info = "conflict"
            made.status.status = prediction_pb2.Status.FAILURE
        if msg.strData == "tensor":
            made.data.names.extend(["a", "b"])
            made.data.tensor.shape.extend([1, 2])
            made.data.tensor.values.extend([0.1, 2.0])
        if msg.strData == "meta":
            made.meta.puid = "own"
            made.meta.tags["t"].number_value = 1
            made.binData = b"\x00\xff"
        if msg.strData == "metrics":
            made.meta.metrics.add(key="raw_gauge", type="GAUGE", value=2)
        if msg.strData == "custom":
            made.customData.Pack(wrappers_pb2.StringValue(value="x"))
        if msg.strData == "dict":
            return {"strData": "a dict over gRPC"}
        if msg.strData == "list-message":
            return prediction_pb2.SeldonMessageList(seldonMessages=[msg])
        return made

    def transform_input_raw(self, msg: Any) -> Any:
        return self.described("transform_input", msg)

    def transform_output_raw(self, msg: Any) -> Any:
        return self.described("transform_output", msg)

    def route_raw(self, msg: Any) -> Any:
        return self.described("route", msg)

    def aggregate_raw(self, msgs: Any) -> Any:
        return self.described("aggregate", msgs)

    def send_feedback_raw(self, feedback: Any) -> Any:
        return self.described("send_feedback", feedback)

    def described(self, call: str, got: Any) -> Any:
        from google.protobuf import json_format
        from seldon_core.proto import prediction_pb2

        # Protobuf's own text form is another one in each version.
        text = json_format.MessageToJson(got, indent=0, sort_keys=True)
        return prediction_pb2.SeldonMessage(strData=f"{call} {type(got).__name__}\n{text}")
