"""A component for requests that mean harm: it says what it got, or does what the request asks."""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np


class Hostile:
    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        if isinstance(X, dict):
            return self.act(**X)
        if isinstance(X, (str, bytes)):
            # A model that takes its time, however much it is given.
            if X[:4] == "slow":
                time.sleep(0.02)
            return f"{len(X)} long"
        return np.array([[float(np.asarray(X).size)]])

    def act(self, do: str, amount: float = 0) -> str:
        if do == "sleep":
            time.sleep(amount)
        elif do == "raise":
            raise ValueError("x" * int(amount))
        elif do == "surrogate":
            raise ValueError("half \ud800 of a pair")
        elif do == "recurse":
            sys.setrecursionlimit(2**31 - 1)
            return self.deeper([])
        elif do == "respond":
            return "x" * int(amount)
        return "done"

    def deeper(self, held: list[Any]) -> str:
        return self.deeper([held, "x" * 1000])

    def aggregate(self, Xs: Any, names: Any, metas: Any = None) -> Any:
        return f"{len(Xs)} messages"
