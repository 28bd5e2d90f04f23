"""Components that report metrics."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

from seldon_core.user_model import SeldonResponse


class Plain:
    """Reports with `metrics()`, and with the response of a call."""

    def predict(self, X: Any, names: Any) -> Any:
        if isinstance(X, dict):
            print("waits", file=sys.stderr)
            while not Path(X["until"]).exists():
                time.sleep(0.005)
        own = [
            {"type": "COUNTER", "key": "run", "value": 1, "tags": {"colour": "red"}},
            {"type": "COUNTER", "key": "run", "value": 1, "tags": {"size": 'big "1"'}},
            {"type": "TIMER", "key": "took", "value": 20.2},
            {"type": "GAUGE", "key": "no-name", "value": 1},
        ]
        return SeldonResponse({"pid": os.getpid()}, metrics=own)

    def send_feedback(
        self, X: Any, names: Any, reward: float, truth: Any, routing: Any = None
    ) -> Any:
        if reward > 5:
            raise ValueError("too good")
        return []

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "GAUGE", "key": "level", "value": 0.5}]


class Raw:
    """Reports in the meta of raw messages."""

    def predict_raw(self, message: Any) -> dict[str, Any]:
        own = [{"type": "COUNTER", "key": "raw", "value": 2}]
        return {"strData": "a", "meta": {"metrics": own}}

    def send_feedback_raw(self, feedback: Any) -> dict[str, Any]:
        own = [{"type": "COUNTER", "key": "raw", "value": 1}]
        return {"meta": {"metrics": own}}
