"""The deprecated methods named after a transport, which take anything and return anything."""

from typing import Any

from seldon_core.user_model import SeldonNotImplementedError


class OldAny:
    """Gives back the ``give`` of a dict, a message as it came; else says what it got."""

    def respond(self, call: str, msg: Any) -> Any:
        if isinstance(msg, dict) and "give" in msg:
            return msg["give"]
        if isinstance(msg, dict) and msg.get("make") == "decline":
            raise SeldonNotImplementedError("plain, please")
        if hasattr(msg, "SerializeToString"):
            if type(msg).__name__ != "SeldonMessage":
                msg = msg.seldonMessages[0]
            msg.meta.tags["call"].string_value = call
            return msg
        return {"call": call, "type": type(msg).__name__, "got": msg}

    def predict_rest(self, msg: Any) -> Any:
        return self.respond("predict_rest", msg)

    def predict_grpc(self, msg: Any) -> Any:
        return self.respond("predict_grpc", msg)

    def transform_input_rest(self, msg: Any) -> Any:
        return self.respond("transform_input_rest", msg)

    def transform_input_grpc(self, msg: Any) -> Any:
        return self.respond("transform_input_grpc", msg)

    def transform_output_grpc(self, msg: Any) -> Any:
        return self.respond("transform_output_grpc", msg)

    def transform_output_raw(self, msg: Any) -> Any:
        return self.respond("transform_output_raw", msg)

    def route_grpc(self, msg: Any) -> Any:
        return self.respond("route_grpc", msg)

    def aggregate_rest(self, msg: Any) -> Any:
        return self.respond("aggregate_rest", msg)

    def predict(self, X: Any, names: Any) -> Any:
        return {"plain": "predict"}
