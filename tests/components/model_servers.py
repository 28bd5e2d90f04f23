"""Servers of saved models, of the shape of those that seldon-core's images have.

What they import of `seldon_core` is what those import; the models are weights in a file.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any, Iterable

import numpy as np
from seldon_core import Storage
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.metrics import create_gauge
from seldon_core.microservice import PARAMETERS_ENV_NAME, parse_parameters
from seldon_core.proto import prediction_pb2
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse
from seldon_core.utils import (
    array_to_grpc_datadef,
    get_data_from_proto,
    getenv_as_bool,
    json_to_seldon_message,
    seldon_message_to_json,
)

logger = logging.getLogger(__name__)


class Linear:
    """A model: the weights of a file."""

    def __init__(self, file: Path) -> None:
        self.weights = np.array(json.loads(file.read_text()))

    def predict(self, X: Any) -> Any:
        return np.asarray(X, float) @ self.weights


class ScikitLike(SeldonComponent):
    """Loads lazily, chooses the model's method by a parameter, has metadata beside the model."""

    def __init__(self, model_uri: str, method: str = "predict") -> None:
        super().__init__()
        self.model_uri = model_uri
        self.method = method
        self.ready = False

    def load(self) -> None:
        folder = Storage.download(self.model_uri)
        logger.info("model folder: %s", folder)
        self.model = Linear(Path(folder) / "model.json")
        self.ready = True

    def predict(
        self, X: np.ndarray, names: Iterable[str], meta: dict[str, Any] | None = None
    ) -> Any:
        if not self.ready:
            self.load()
        if not hasattr(self.model, self.method):
            raise SeldonMicroserviceException(f"no method {self.method}", status_code=422)
        return getattr(self.model, self.method)(X)

    def init_metadata(self) -> dict[str, Any]:
        file = Path(self.model_uri.replace("file://", "")) / "metadata.json"
        metadata: dict[str, Any] = json.loads(file.read_text())
        return metadata


class BoosterLike(SeldonComponent):
    """Takes one file of a folder that it links to a place of its own."""

    def __init__(self, model_uri: str, target: str) -> None:
        super().__init__()
        self.model_uri = model_uri
        self.target = target

    def load(self) -> None:
        target = f"{self.target}/{os.getpid()}"
        self.file = Path(Storage.download(self.model_uri, out_dir=target)) / "model.json"
        self.booster = Linear(self.file)

    def predict(self, X: np.ndarray, names: Iterable[str], meta: Any = None) -> np.ndarray:
        result: np.ndarray = self.booster.predict(X)
        return result

    def tags(self) -> dict[str, Any]:
        return {"linked": self.file.is_symlink()}

    def class_names(self) -> list[str]:
        raise SeldonNotImplementedError("the booster knows no names")


class FlowLike(SeldonComponent):
    """Gets its parameters again from the environment, and responds with JSON or an array."""

    def __init__(self, model_uri: str, xtype: str = "ndarray") -> None:
        super().__init__()
        parameters = parse_parameters(json.loads(os.environ[PARAMETERS_ENV_NAME]))
        assert parameters == {"model_uri": model_uri, "xtype": xtype}, parameters
        self.xtype = xtype
        self.model = Linear(Path(Storage.download(model_uri)) / "model.json")

    def predict(
        self, X: np.ndarray, feature_names: Iterable[str] = (), meta: Any = None
    ) -> SeldonResponse:
        result = self.model.predict(X)
        if self.xtype == "dict":
            result = {"names": list(feature_names), "rows": result.tolist()}
        return SeldonResponse(result, metrics=[create_gauge("rows", len(X))])


class ProxyLike:
    """Sends a whole message on and converts what comes back, over both transports."""

    def __init__(self, rest_endpoint: str = "http://0.0.0.0:2001") -> None:
        self.rest_endpoint = rest_endpoint
        self.doubles = getenv_as_bool("DOUBLES", default=True)

    def predict_raw(self, request: Any) -> Any:
        is_rest = not isinstance(request, prediction_pb2.SeldonMessage)
        message = json_to_seldon_message(request) if is_rest else request
        array = get_data_from_proto(message) * (2 if self.doubles else 1)
        kind = message.data.WhichOneof("data_oneof")
        datadef = array_to_grpc_datadef(kind, array, message.data.names)
        response = prediction_pb2.SeldonMessage(data=datadef)
        return seldon_message_to_json(response) if is_rest else response
