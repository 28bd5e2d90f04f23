"""Components that show how many calls they have at the same time."""

from __future__ import annotations

import threading
import time
from typing import Any

from seldon_core.user_model import SeldonComponent


class _Keeps:
    """Leaves on the object what is said of the request afterwards."""

    seen: float

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._keep(X)

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._keep(X)

    def _keep(self, X: Any) -> Any:
        self.seen = float(X[0][0])
        # Another call would come in here.
        time.sleep(0.002)
        return X


class Sticky(_Keeps):
    """Says it in a tag."""

    def tags(self) -> dict[str, Any]:
        return {"seen": self.seen}


class StickyMetrics(_Keeps):
    """Says it in a metric."""

    def metrics(self) -> list[dict[str, Any]]:
        return [{"type": "GAUGE", "key": "seen", "value": self.seen}]


class Meeting:
    """Responds once as many calls as the parameter says are in the component at the same time."""

    def __init__(self, calls: int = 10) -> None:
        self.barrier = threading.Barrier(calls)

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        self.barrier.wait(30)
        return [[threading.current_thread() is threading.main_thread()]]


class Inherits(SeldonComponent):
    """Has `tags` and `metrics` from the base class alone, where they do nothing."""

    def __init__(self) -> None:
        self.meeting = Meeting()

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self.meeting.predict(X, names)


class Tagged(Meeting):
    """Has tags that say nothing of the request."""

    def tags(self) -> dict[str, Any]:
        return {"version": 1}


class Safe(Tagged):
    """Says that this is so."""

    thread_safe = True
