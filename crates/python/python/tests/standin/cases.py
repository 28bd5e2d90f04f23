"""Calls with random arguments, the same for the same seed."""

from __future__ import annotations

import base64
import random
from typing import Any, Callable, Dict

from .values import encode

# `call` and `args`, and `kwargs` and `env` where there are any.
Case = Dict[str, Any]

WORDS = ("", "a", "x y", "é", "Z0", "nan", "1", "true")


class Cases:
    """Makes calls."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.cases: list[Case] = []

    def add(self, call: str, *args: Any, env: dict[str, str] | None = None, **kwargs: Any) -> None:
        """One call; `kwargs` are its keyword arguments."""
        case: Case = {"call": call, "args": [_encoded(arg) for arg in args]}
        if kwargs:
            case["kwargs"] = {name: _encoded(arg) for name, arg in kwargs.items()}
        if env is not None:
            case["env"] = env
        self.cases.append(case)

    # Values

    def number(self) -> Any:
        pick = self.random.randrange(4)
        if pick == 0:
            return self.random.randrange(-5, 6)
        if pick == 1:
            return self.random.choice((0.0, -0.5, 1e300, 2.0**53, 1e-7))
        return round(self.random.uniform(-100, 100), 3)

    def word(self) -> str:
        return self.random.choice(WORDS)

    def words(self, count: int | None = None) -> list[str]:
        length = self.random.randrange(4) if count is None else count
        return [self.word() for _ in range(length)]

    def json(self, depth: int = 2) -> Any:
        pick = self.random.randrange(7 if depth else 5)
        if pick == 0:
            return None
        if pick == 1:
            return self.random.choice((True, False))
        if pick in (2, 3):
            return self.number()
        if pick == 4:
            return self.word()
        if pick == 5:
            return [self.json(depth - 1) for _ in range(self.random.randrange(3))]
        return {self.word(): self.json(depth - 1) for _ in range(self.random.randrange(3))}

    def nested(self, element: Callable[[], Any], shape: list[int]) -> Any:
        if not shape:
            return element()
        return [self.nested(element, shape[1:]) for _ in range(shape[0])]

    def shape(self) -> list[int]:
        return [self.random.randrange(1, 4) for _ in range(self.random.randrange(1, 4))]

    def array(self) -> Any:
        import numpy as np

        shape = self.shape()
        pick = self.random.randrange(8)
        if pick == 0:
            return np.array(self.nested(lambda: self.random.randrange(9), shape), "int32")
        if pick == 1:
            return np.array(self.nested(self.number, shape), "float32")
        if pick == 2:
            return np.array(self.nested(self.word, shape))
        if pick == 3:
            return np.array(self.nested(lambda: self.random.random() < 0.5, shape))
        if pick == 4:
            mixed = self.nested(lambda: self.random.choice((1, "a", 2.5, True, None)), shape)
            return np.array(mixed, object)
        if pick == 5:
            return np.zeros((0, 2))
        return np.array(self.nested(self.number, shape), "float64")

    def datadef(self) -> dict[str, Any]:
        datadef: dict[str, Any] = {}
        if self.random.random() < 0.7:
            datadef["names"] = self.words()
        pick = self.random.randrange(5)
        shape = self.shape()
        if pick < 2:
            flat = [self.number() for _ in range(_product(shape))]
            datadef["tensor"] = {"shape": shape, "values": flat}
        elif pick < 4:
            element = self.random.choice((self.number, self.word))
            datadef["ndarray"] = self.nested(element, shape)
        return datadef

    def meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = {}
        if self.random.random() < 0.5:
            meta["puid"] = self.word()
        if self.random.random() < 0.5:
            meta["tags"] = {self.word(): self.json(1) for _ in range(self.random.randrange(3))}
        if self.random.random() < 0.3:
            meta["routing"] = {"router": self.random.randrange(-1, 4)}
        if self.random.random() < 0.3:
            meta["requestPath"] = {self.random.choice(("unit", "before")): "image:1"}
        if self.random.random() < 0.3:
            meta["metrics"] = [self.metric()]
        return meta

    def metric(self) -> dict[str, Any]:
        kind = self.random.choice(("COUNTER", "GAUGE", "TIMER"))
        metric: dict[str, Any] = {"type": kind, "key": "k", "value": self.random.randrange(1, 90)}
        if self.random.random() < 0.3:
            metric["tags"] = {"zone": "eu"}
        return metric

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {}
        pick = self.random.randrange(8)
        if pick < 4:
            message["data"] = self.datadef()
        elif pick == 4:
            message["strData"] = self.word()
        elif pick == 5:
            content = bytes(self.random.randrange(256) for _ in range(4))
            message["binData"] = base64.b64encode(content).decode()
        elif pick == 6:
            message["jsonData"] = self.json()
        if self.random.random() < 0.5:
            message["meta"] = self.meta()
        if self.random.random() < 0.1:
            message["status"] = {"code": 3, "status": "FAILURE", "info": self.word()}
        if self.random.random() < 0.1:
            message[self.word() or "unknown"] = self.json(1)
        return message

    def returned(self) -> Any:
        pick = self.random.randrange(8)
        if pick < 3:
            return self.array()
        if pick == 3:
            element = self.random.choice((self.number, self.word))
            return self.nested(element, self.shape())
        if pick == 4:
            return self.word()
        if pick == 5:
            return bytes(self.random.randrange(256) for _ in range(3))
        if pick == 6:
            return {"k": self.json()}
        return self.random.choice((None, 5, 2.5, True))


class Made(Dict[str, Any]):
    """An argument that is made where the call is run."""


def component(name: str) -> Made:
    """An argument that is one of `components.py`."""
    return Made(component=name)


# An argument that is an empty collection of metrics.
METRICS = Made(metrics=None)


def _encoded(value: Any) -> Any:
    return value if isinstance(value, Made) else encode(value)


def _product(shape: list[int]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product
