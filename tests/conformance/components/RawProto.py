"""Raw messages over gRPC that go back as they are, or as their text asks."""

from typing import Any

from seldon_core.user_model import SeldonNotImplementedError


class RawProto:
    """Gives back the very message, a message of its own, or declines."""

    def respond(self, msg: Any) -> Any:
        from google.protobuf import json_format
        from seldon_core.proto import prediction_pb2

        if type(msg).__name__ == "SeldonMessageList":
            return msg.seldonMessages[0] if msg.seldonMessages else prediction_pb2.SeldonMessage()
        if msg.strData == "decline":
            raise SeldonNotImplementedError("plain, please")
        if msg.strData == "tftensor":
            dims = [{"size": "1"}, {"size": "3"}]
            tensor = {
                "dtype": "DT_FLOAT",
                "tensorShape": {"dim": dims},
                "floatVal": [0.1, 0.2, 0.7],
                "versionNumber": 3,
            }
            data = {"data": {"names": ["p"], "tftensor": tensor}}
            return json_format.ParseDict(data, prediction_pb2.SeldonMessage())
        return msg

    def predict_raw(self, msg: Any) -> Any:
        return self.respond(msg)

    def transform_input_raw(self, msg: Any) -> Any:
        return self.respond(msg)

    def transform_output_raw(self, msg: Any) -> Any:
        return self.respond(msg)

    def route_raw(self, msg: Any) -> Any:
        return self.respond(msg)

    def aggregate_raw(self, msg: Any) -> Any:
        return self.respond(msg)

    def predict(self, X: Any, names: Any) -> Any:
        return {"plain": repr(X)}

    def tags(self) -> Any:
        return {"tag": "of the plain methods alone"}
