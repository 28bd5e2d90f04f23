"""A booster of XGBoost, which computes with 32 bits and threads of its own."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xgboost


class XGBoost:
    def load(self) -> None:
        self._model = xgboost.Booster()
        self._model.load_model("model.ubj")

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._model.predict(xgboost.DMatrix(X)).reshape(-1, 1)


def train() -> None:
    random = np.random.default_rng(0)
    rows = random.random((500, 6))
    labels = rows[:, 0] * rows[:, 1] + np.sin(rows[:, 2])
    model = xgboost.train({"max_depth": 4}, xgboost.DMatrix(rows, labels), num_boost_round=30)
    model.save_model("model.ubj")
    some = rows[:8]
    responses = model.predict(xgboost.DMatrix(some)).reshape(-1, 1)
    said = {"rows": some.tolist(), "responses": responses.tolist()}
    print(json.dumps({**said, "version": f"XGBoost {xgboost.__version__}"}))


if __name__ == "__main__":
    train()
