"""A pyfunc model of MLflow, which takes a table with named columns and may be any Python code."""

from __future__ import annotations

import json
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd

COLUMNS = ["width", "length"]


# The base class has no types.
class Area(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Keeps its scale in the model's file, as code that was fitted does."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        area = model_input["width"] * model_input["length"] * self.scale
        return pd.DataFrame({"area": area, "half": area / 2})


class MLflow:
    def load(self) -> None:
        self._model = mlflow.pyfunc.load_model("model")

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._model.predict(pd.DataFrame(X, columns=names or COLUMNS)).to_numpy()


def train() -> None:
    mlflow.pyfunc.save_model("model", python_model=Area(1.5), pip_requirements=[])
    rows = np.random.default_rng(0).random((8, 2))
    model = mlflow.pyfunc.load_model("model")
    responses = model.predict(pd.DataFrame(rows, columns=COLUMNS)).to_numpy()
    said = {"rows": rows.tolist(), "responses": responses.tolist()}
    print(json.dumps({**said, "version": f"MLflow {mlflow.__version__}"}))


if __name__ == "__main__":
    train()
