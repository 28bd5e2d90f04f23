"""Serves the class that BENCH_MODEL names by Mosec, which takes the port as an argument."""

from __future__ import annotations

import importlib
import os
from typing import Any

import numpy as np
from mosec import Server, Worker

MODEL = os.environ["BENCH_MODEL"]


class Component(Worker):
    def __init__(self) -> None:
        super().__init__()
        self.model = getattr(importlib.import_module(MODEL), MODEL)()
        if hasattr(self.model, "load"):
            self.model.load()

    def forward(self, data: dict[str, Any]) -> dict[str, Any]:
        rows = self.model.predict(np.array(data["data"]["ndarray"]), [])
        return {"data": {"ndarray": rows.tolist()}}


if __name__ == "__main__":
    server = Server()
    server.append_worker(Component, num=int(os.environ["BENCH_WORKERS"]))
    server.run()
