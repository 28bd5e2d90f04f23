"""Users' code that imports seldon-core's package: base class, response, exceptions, metrics."""

from __future__ import annotations

from typing import Any

import numpy as np
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import create_counter, create_gauge, create_timer
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse


class Shim(SeldonComponent):
    """Subclass of the real base class; what it does is chosen by the text of the request."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        if X == "all":
            return SeldonResponse(
                data=np.array([[0.25, 0.75]]),
                tags={"static": "overridden", "run": True},
                metrics=[create_gauge("run_gauge", 3), create_timer("run_timer", 4.5)],
            )
        if X == "tags":
            return SeldonResponse(data="text", tags={"run": [1, 2]})
        if X == "dict":
            return SeldonResponse(data={"a": 1}, metrics=[create_counter("run_counter", 1)])
        if X == "bad-metrics":
            return SeldonResponse(data="text", metrics=[{"type": "GAUGE"}])
        if X == "bytes":
            return SeldonResponse(data=b"abc")
        if X == "none":
            return SeldonResponse(data=None)
        if X == "exception":
            raise SeldonMicroserviceException("too hot")
        if X == "exception-status":
            raise SeldonMicroserviceException("too hot", status_code=418, reason="TEAPOT")
        if X == "exception-payload":
            raise SeldonMicroserviceException(
                "too hot", status_code=429, payload={"retry": 3}, reason="LATER"
            )
        if X == "exception-text-status":
            raise SeldonMicroserviceException("too hot", status_code="502")
        if X == "not-implemented":
            raise SeldonNotImplementedError("no such thing")
        if X == "subclass":
            raise Overheated("too hot by subclass")
        return "plain"

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        return SeldonResponse(data=X, tags={"step": "in"})

    def route(self, X: Any, names: Any) -> Any:
        return SeldonResponse(data=1, tags={"routed": True})

    def aggregate(self, X: Any, names: Any) -> Any:
        return SeldonResponse(data=X[0], tags={"step": "combine"})

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any) -> Any:
        return SeldonResponse(data="thanks", tags={"step": "feedback"})

    def tags(self) -> dict[str, Any]:
        return {"static": "component"}

    def metrics(self) -> list[dict[str, Any]]:
        return [create_counter("static_counter", 1)]


class Overheated(SeldonMicroserviceException):
    """A user's own subclass that fixes the status as a class attribute."""

    status_code = 503
