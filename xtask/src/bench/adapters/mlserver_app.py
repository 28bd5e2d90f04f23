"""Lets MLServer serve the class that BENCH_MODEL names."""

import importlib
import os

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

MODEL = os.environ["BENCH_MODEL"]


class Component(MLModel):
    async def load(self) -> bool:
        self.model = getattr(importlib.import_module(MODEL), MODEL)()
        if hasattr(self.model, "load"):
            self.model.load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = self.model.predict(NumpyCodec.decode_input(payload.inputs[0]), [])
        output = NumpyCodec.encode_output("y", rows)
        return InferenceResponse(model_name=self.name, outputs=[output])
