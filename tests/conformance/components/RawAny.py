"""Methods for raw messages that take anything and return anything, as the message asks."""

from typing import Any

from seldon_core.user_model import SeldonNotImplementedError


def made(name: str) -> Any:
    """Return what JSON in a request cannot say."""
    import numpy as np

    if name == "decline":
        raise SeldonNotImplementedError("plain, please")
    if name == "raise":
        raise ValueError("raw failed")
    values = {
        "array": np.array([[1, 2.5]]),
        "bytes": b"bytes",
        "int-keys": {1: "a", 2.5: "b"},
        "nan": {"values": [float("nan"), float("inf")]},
        "none": None,
        "number": np.float64(1.5),
        "set": {1},
        "surrogate": {"strData": "a\ud800b"},
        "tuple": {"values": (1, 2)},
        "tuple-alone": (1, 2),
    }
    return values[name]


class RawAny:
    """Gives back the ``give`` of a dict, or what its ``make`` names; else says what it got."""

    def respond(self, call: str, msg: Any) -> Any:
        if isinstance(msg, dict) and "give" in msg:
            return msg["give"]
        if isinstance(msg, dict) and "make" in msg:
            return made(msg["make"])
        if type(msg).__module__ == "seldon.protos" or hasattr(msg, "SerializeToString"):
            return msg
        return {"call": call, "type": type(msg).__name__, "got": msg}

    def predict_raw(self, msg: Any) -> Any:
        return self.respond("predict", msg)

    def transform_input_raw(self, msg: Any) -> Any:
        return self.respond("transform_input", msg)

    def transform_output_raw(self, msg: Any) -> Any:
        return self.respond("transform_output", msg)

    def route_raw(self, msg: Any) -> Any:
        return self.respond("route", msg)

    def aggregate_raw(self, msg: Any) -> Any:
        return self.respond("aggregate", msg)

    def predict(self, X: Any, names: Any) -> Any:
        return {"plain": "predict", "X": repr(X), "names": names}

    def transform_input(self, X: Any, names: Any) -> Any:
        return {"plain": "transform_input", "X": repr(X), "names": names}

    def transform_output(self, X: Any, names: Any) -> Any:
        return {"plain": "transform_output", "X": repr(X), "names": names}

    def route(self, X: Any, names: Any) -> Any:
        return 1

    def aggregate(self, X: Any, names: Any) -> Any:
        return {"plain": "aggregate", "X": repr(X), "names": names}
