"""Methods that take the whole message, a dict over REST."""

from typing import Any


class Raw:
    """Each ``*_raw`` method responds with the message it got, or as its text asks."""

    def predict_raw(self, msg: Any) -> Any:
        text = msg.get("strData") if isinstance(msg, dict) else None
        if text == "raises":
            raise ValueError("raw failed")
        if text == "type":
            return {"strData": type(msg).__name__, "meta": {}}
        if text == "metrics":
            metric = {"type": "COUNTER", "key": "raw_calls", "value": 2}
            return {"strData": "counted", "meta": {"metrics": [metric]}}
        if text == "bad-metrics":
            return {"strData": "counted", "meta": {"metrics": [{"type": "ODD"}]}}
        if text == "status":
            return {"status": {"code": 409, "status": "FAILURE", "info": "conflict"}}
        if text == "no-meta":
            return {"jsonData": {"a": 1}}
        if text == "text":
            return "just text"
        if text == "array":
            return [[1, 2]]
        if text == "unknown-key":
            return {"strData": "x", "colour": "red"}
        return msg

    def transform_input_raw(self, msg: Any) -> Any:
        return {"jsonData": {"call": "transform_input", "got": msg}}

    def transform_output_raw(self, msg: Any) -> Any:
        return {"jsonData": {"call": "transform_output", "got": msg}}

    def route_raw(self, msg: Any) -> Any:
        return {"data": {"ndarray": [[1]]}, "meta": {"tags": {"got": repr(msg)}}}

    def aggregate_raw(self, msgs: Any) -> Any:
        return {"jsonData": {"call": "aggregate", "got": msgs}}

    def send_feedback_raw(self, feedback: Any) -> Any:
        return {"jsonData": {"call": "send_feedback", "got": feedback}}

    def health_status_raw(self) -> Any:
        return {"strData": "raw health"}
