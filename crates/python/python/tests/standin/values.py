"""Arguments and results of calls as JSON: arrays, bytes, messages and components too."""

from __future__ import annotations

import base64
import importlib
import math
from typing import Any


def encode(value: Any) -> Any:
    """A value as JSON; what JSON has no form for is an object with one key."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, float):
        # NumPy's double is one too.
        return float(value)
    if type(value) is int:
        return value
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    return _tagged(value)


def _tagged(value: Any) -> Any:
    kind = type(value)
    name = kind.__name__
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if hasattr(value, "DESCRIPTOR"):
        content = value.SerializePartialToString(deterministic=True)
        return {"message": [value.DESCRIPTOR.full_name, base64.b64encode(content).decode()]}
    if name == "ndarray":
        return {"array": [str(value.dtype), list(value.shape), encode(value.ravel().tolist())]}
    if kind.__module__ == "numpy":
        return {"scalar": [str(value.dtype), value.item()]}
    if name == "SeldonResponse":
        return {"response": [encode(value.data), encode(value.tags), encode(value.metrics)]}
    return {"other": name}


def decode(value: Any) -> Any:
    """The value of what `encode` made."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "dict":
        return {decode(key): decode(item) for key, item in content}
    if kind == "tuple":
        return tuple(decode(content))
    if kind == "bytes":
        return base64.b64decode(content)
    if kind == "message":
        return _message(*content)
    if kind == "array":
        return _array(*content)
    if kind == "scalar":
        return _array(content[0], [1], [content[1]])[0]
    if kind == "component":
        return _component(content)
    if kind == "metrics":
        return importlib.import_module("seldon_core.metrics").SeldonMetrics(lambda: 7)
    raise ValueError(f"an unknown kind of value: {kind}")


def _message(name: str, content: str) -> Any:
    module = "google.protobuf.any_pb2"
    if name.startswith("seldon."):
        module = "seldon_core.proto.prediction_pb2"
    cls = getattr(importlib.import_module(module), name.rpartition(".")[2])
    return cls.FromString(base64.b64decode(content))


def _array(dtype: str, shape: list[int], flat: list[Any]) -> Any:
    import numpy as np

    array = np.empty(len(flat), dtype)
    array[:] = decode(flat)
    return array.reshape(shape)


def _component(name: str) -> Any:
    from . import components

    return getattr(components, name)()


def same(expected: Any, found: Any) -> bool:
    """Whether two encoded values are equal: by type and value, floats within a relative 1e-12."""
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(expected, found, rel_tol=1e-12) or (
            math.isnan(expected) and math.isnan(found)
        )
    if type(expected) is not type(found):
        return False
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(same, expected, found))
    if isinstance(expected, dict):
        if "dict" in expected and "dict" in found:
            # The order of keys is free.
            expected, found = (sorted(one["dict"], key=str) for one in (expected, found))
            return same(expected, found)
        if expected != found and "message" in expected and "message" in found:
            # The order of a map's entries is free, too.
            return bool(decode(expected) == decode(found))
        return expected.keys() == found.keys() and all(
            same(expected[key], found[key]) for key in expected
        )
    return bool(expected == found)
