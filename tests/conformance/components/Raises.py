"""Exceptions of every kind, chosen by the text of the request."""

from typing import Any


class Refused(Exception):
    """Carries the attributes that seldon-core's own exception has, and none of its ancestry."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = 422
        self.reason = "REFUSED"
        self.payload = None


class Raises:
    """No call ends well."""

    def predict(self, X: Any, names: Any) -> Any:
        if X == "value-error":
            raise ValueError("bad value")
        if X == "no-message":
            raise RuntimeError
        if X == "many-arguments":
            raise RuntimeError("one", 2)
        if X == "key-error":
            raise KeyError("missing")
        if X == "unicode":
            raise ValueError('ümlaut <b> "quoted" \\ \n newline 😀')
        if X == "type-error":
            raise TypeError("wrong type")
        if X == "not-implemented":
            raise NotImplementedError("not written yet")
        if X == "attribute-error":
            raise AttributeError("no attribute")
        if X == "duck-status":
            raise Refused("refused by duck type")
        if X == "chained":
            try:
                raise ValueError("first")
            except ValueError as error:
                raise RuntimeError("second") from error
        if X == "unicode-decode":
            b"\xff".decode()
        if X == "stop-iteration":
            raise StopIteration("stopped")
        if X == "assertion":
            raise AssertionError("assertion")
        return 1 / 0

    def transform_input(self, X: Any, names: Any) -> Any:
        raise ValueError("transform_input failed")

    def transform_output(self, X: Any, names: Any) -> Any:
        raise ValueError("transform_output failed")

    def route(self, X: Any, names: Any) -> Any:
        raise ValueError("route failed")

    def aggregate(self, X: Any, names: Any) -> Any:
        raise ValueError("aggregate failed")

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        raise ValueError("send_feedback failed")
