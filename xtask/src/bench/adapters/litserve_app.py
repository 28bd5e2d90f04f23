"""Serves the class that BENCH_MODEL names by LitServe on the port BENCH_PORT."""

import importlib
import os
from typing import Any, Dict

import litserve
import numpy as np

MODEL = os.environ["BENCH_MODEL"]


class Component(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = getattr(importlib.import_module(MODEL), MODEL)()
        if hasattr(self.model, "load"):
            self.model.load()

    def decode_request(self, request: Dict[str, Any]) -> Any:
        return np.array(request["data"]["ndarray"])

    def predict(self, x: Any) -> Any:
        return self.model.predict(x, [])

    def encode_response(self, output: Any) -> Dict[str, Any]:
        return {"data": {"ndarray": output.tolist()}}


if __name__ == "__main__":
    server = litserve.LitServer(
        Component(),
        accelerator="cpu",
        workers_per_device=int(os.environ["BENCH_WORKERS"]),
        # The measurements have long calls and large bodies.
        timeout=False,
        max_payload_size=2**31,
        restart_workers=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        generate_client_file=False,
        log_level="warning",
    )
