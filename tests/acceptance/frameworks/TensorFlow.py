"""A network of Keras on TensorFlow, loaded in each worker, as a library that starts many threads
and must not be forked once it has.
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class TensorFlow:
    def load(self) -> None:
        import keras

        self._model = keras.saving.load_model("model.keras")

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._model(X.astype(np.float32)).numpy()


def train() -> None:
    import keras
    import tensorflow

    keras.utils.set_random_seed(0)
    rows = np.random.default_rng(0).random((256, 4)).astype(np.float32)
    labels = rows.sum(axis=1, keepdims=True)
    layers = [keras.Input((4,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile(loss="mse")
    model.fit(rows, np.hstack([labels, -labels]), epochs=2, verbose=0)
    model.save("model.keras")
    some = rows[:6]
    said = {"rows": some.tolist(), "responses": model(some).numpy().tolist()}
    print(json.dumps({**said, "version": f"TensorFlow {tensorflow.__version__}"}))


if __name__ == "__main__":
    train()
