"""The deprecated methods named after the transport."""

from typing import Any


class OldRest:
    """``*_rest`` methods get the message as a dict."""

    def predict_rest(self, msg: Any) -> Any:
        return {"jsonData": {"call": "predict_rest", "got": msg}}

    def transform_input_rest(self, msg: Any) -> Any:
        return {"jsonData": {"call": "transform_input_rest", "got": msg}}

    def transform_output_rest(self, msg: Any) -> Any:
        return {"jsonData": {"call": "transform_output_rest", "got": msg}}

    def route_rest(self, msg: Any) -> Any:
        return {"data": {"ndarray": [[2]]}}

    def aggregate_rest(self, msgs: Any) -> Any:
        return {"jsonData": {"call": "aggregate_rest", "got": msgs}}

    def send_feedback_rest(self, feedback: Any) -> Any:
        return {"jsonData": {"call": "send_feedback_rest", "got": feedback}}
