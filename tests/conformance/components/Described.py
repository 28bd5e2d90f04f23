"""What ``init_metadata`` may return."""

from typing import Any


class Described:
    """Responds with the kind that the parameter names."""

    def __init__(self, kind: str = "v2") -> None:
        self.kind = kind

    def predict(self, X: Any, names: Any) -> Any:
        return X

    def init_metadata(self) -> Any:
        tensor = {"name": "input", "datatype": "BYTES", "shape": [1, 4]}
        if self.kind == "raises":
            raise ValueError("no metadata today")
        return {
            "v2": {
                "name": "described",
                "versions": ["v1", "v2"],
                "platform": "seldon",
                "inputs": [tensor],
                "outputs": [{"name": "output", "datatype": "FP32", "shape": [1]}],
            },
            "v1-tensor": {
                "name": "described",
                "inputs": {"datatype": "tensor", "names": ["a", "b"], "shape": [2]},
            },
            "v1": {
                "name": "described",
                "inputs": [
                    {"messagetype": "tensor", "schema": {"names": ["a", "b"], "shape": [2]}},
                    {"messagetype": "jsonData", "schema": {"type": "string"}},
                ],
                "outputs": [{"messagetype": "strData"}],
                "custom": {"author": "someone"},
            },
            "empty": {},
            "none": None,
            "text": "described",
            "unknown-key": {"name": "described", "colour": "red"},
            "name-int": {"name": 1},
            "versions-text": {"versions": "v1"},
            "versions-ints": {"versions": [1]},
            "platform-int": {"platform": 1},
            "inputs-text": {"inputs": "input"},
            "inputs-dict": {"inputs": tensor},
            "inputs-unknown": {"inputs": [{"colour": "red"}]},
            "inputs-datatype": {"inputs": [{**tensor, "datatype": "decimal"}]},
            "inputs-shape": {"inputs": [{**tensor, "shape": "1x4"}]},
            "inputs-messagetype": {"inputs": [{"messagetype": "carrier-pigeon"}]},
            "custom-int": {"custom": {"version": 1}},
            "custom-text": {"custom": "text"},
        }[self.kind]
