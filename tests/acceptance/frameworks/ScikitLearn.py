"""A pipeline of scikit-learn, as its users save it."""

from __future__ import annotations

import json
from typing import Any

import joblib
import numpy as np


class ScikitLearn:
    class_names = ("setosa", "versicolor", "virginica")

    def load(self) -> None:
        self._model = joblib.load("model.joblib")

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return self._model.predict_proba(X)


def train() -> None:
    import sklearn
    from sklearn.datasets import load_iris
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows, labels = load_iris(return_X_y=True)
    model = make_pipeline(StandardScaler(), RandomForestClassifier(50, random_state=0))
    model.fit(rows, labels)
    joblib.dump(model, "model.joblib")
    some = np.asarray(rows)[::15]
    said = {"rows": some.tolist(), "responses": model.predict_proba(some).tolist()}
    print(json.dumps({**said, "version": f"scikit-learn {sklearn.__version__}"}))


if __name__ == "__main__":
    train()
