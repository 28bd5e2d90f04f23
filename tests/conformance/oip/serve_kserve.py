"""Serves a model with KServe's Python server: ``serve_kserve.py MODEL FILE HTTP_PORT GRPC_PORT``.

What its scikit-learn runtime does, which is not on PyPI: the package's own functions make an array
of a request, and a response of what the model returns.
"""

from __future__ import annotations

import sys
from typing import Any

import joblib
from kserve import InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import get_predict_input, get_predict_response


class Served(Model):  # type: ignore[misc]
    """A model that scikit-learn has fitted."""

    def __init__(self, name: str, file: str) -> None:
        """Loads it."""
        super().__init__(name)
        self.model = joblib.load(file)
        self.ready = True

    def predict(
        self, payload: dict[str, Any] | InferRequest, headers: Any = None
    ) -> dict[str, Any] | InferResponse:
        """Predicts the rows of a request."""
        result = self.model.predict(get_predict_input(payload))
        if result.dtype.kind == "U":
            # The only text that the package makes a response of.
            result = result.astype(object)
        return get_predict_response(payload, result, self.name)


if __name__ == "__main__":
    model, path, http, grpc = sys.argv[1:]
    ModelServer(http_port=int(http), grpc_port=int(grpc)).start([Served(model, path)])
