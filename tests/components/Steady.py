"""A component that is quick, and returns the process id of its worker."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np


class Steady:
    """Returns the sum of what it gets.

    A negative number hangs it for good, a fraction takes it 5 ms.
    """

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        if X[0][0] < 0:
            while True:
                time.sleep(0)
        if X[0][0] % 1:
            time.sleep(0.005)
        return np.array([[float(X.sum())]])

    def tags(self) -> dict[str, Any]:
        return {"pid": os.getpid()}
