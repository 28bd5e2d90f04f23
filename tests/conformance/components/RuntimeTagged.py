"""Run-time tags and metrics, in an object that looks like the server's own response class."""

from typing import Any, Optional

import numpy as np


class SeldonResponse:
    """Has the three attributes of the real class and none of its ancestry."""

    def __init__(self, data: Any, tags: Optional[Any] = None, metrics: Optional[Any] = None):
        self.data = data
        self.tags = tags
        self.metrics = metrics


class RuntimeTagged:
    """Responds with a duck-typed response."""

    def predict(self, X: Any, names: Any) -> Any:
        if X == "bare":
            return SeldonResponse({"a": 1})
        metrics = [{"type": "GAUGE", "key": "run_gauge", "value": 3}]
        return SeldonResponse(np.array([[1, 2]]), tags={"run": 1}, metrics=metrics)
