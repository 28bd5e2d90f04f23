"""Trains models, exports them to ONNX, and writes what the libraries themselves predict.

`cargo xtask onnx` runs it in an environment of its own, with pinned versions. It writes

- `recorded/NAME.onnx`: a model, as skl2onnx or onnxmltools export it, or a graph made here;
- `recorded/predictions.json`: for each of them rows, and what scikit-learn or XGBoost say of them;
- `../../../examples/onnx/iris.onnx`: the classifier of `examples/iris`.

Every seed is fixed; other versions of the libraries write other files.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import graphs
import numpy as np
import onnx
import onnxmltools
import skl2onnx
import sklearn
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType as XgboostFloats
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

HERE = Path(__file__).resolve().parent
RECORDED = HERE / "recorded"
EXAMPLE = HERE.parents[2] / "examples" / "onnx" / "iris.onnx"

# Those of `examples/iris/train.py`.
SEED = 7
HELD_OUT = 30
# Enough rows to see each class; a file that a person can still read.
ROWS = 8


class Recorder:
    """The iris data, and what has been recorded of them."""

    def __init__(self) -> None:
        data = load_iris()
        self.species = [str(name) for name in data.target_names]
        # Numbers that are the same in 32 bits, so that no rounding hides behind the exporters'.
        split = train_test_split(
            data.data.astype(np.float32).astype(np.float64),
            data.target,
            test_size=HELD_OUT,
            random_state=SEED,
            stratify=data.target,
        )
        self.train, self.held_out, self.truth, _ = split
        self.rows = self.held_out[:ROWS]
        self.recorded: dict[str, Any] = {}

    def keep(self, name: str, model: Any, rows: Any, expected: Any, names: Any = None) -> None:
        """Writes a file, and what is expected of it."""
        # skl2onnx takes these from a set, so that each run has another order.
        model.opset_import.sort(key=lambda one: one.domain)
        (RECORDED / f"{name}.onnx").write_bytes(model.SerializeToString())
        # JSON has no NaN, and Python's reads as one all the same; here a missing number is null.
        rows = [[None if value != value else value for value in row] for row in rows.tolist()]
        expected = np.asarray(expected, dtype=np.float64)
        expected = expected.reshape(len(rows), -1).tolist()
        case = {"rows": rows, "expected": expected}
        if names is not None:
            case["names"] = [str(name) for name in names]
        self.recorded[name] = case

    def sklearn(
        self,
        name: str,
        model: Any,
        labels: Any = None,
        rows: Any = None,
        kind: Any = FloatTensorType,
        batch: int | None = None,
        **options: Any,
    ) -> None:
        """Fits a model of scikit-learn and keeps it."""
        rows = self.rows if rows is None else rows
        model.fit(self.train, self.truth if labels is None else labels)
        if hasattr(model, "predict_proba"):
            choice = {id(model): options} if options else None
            expected, names = model.predict_proba(rows), model.classes_
        else:
            choice, expected, names = None, model.predict(rows), None
        exported = skl2onnx.convert_sklearn(
            model, name=name, initial_types=[("X", kind([batch, 4]))], options=choice
        )
        self.keep(name, exported, rows, expected, names)

    def xgboost(self, name: str, model: Any, labels: Any) -> None:
        """Fits a model of XGBoost and keeps it; some of its numbers are missing."""
        train, rows = self.train.copy(), self.rows.copy()
        train[::7, 2] = np.nan
        rows[1, 2] = rows[3, 0] = np.nan
        model.fit(train, labels)
        classifies = hasattr(model, "predict_proba")
        expected = model.predict_proba(rows) if classifies else model.predict(rows)
        names = model.classes_ if classifies else None
        exported = onnxmltools.convert_xgboost(
            model, name=name, initial_types=[("X", XgboostFloats([None, 4]))]
        )
        self.keep(name, exported, rows, expected, names)


def record_sklearn(recorder: Recorder) -> None:
    """Classifiers and regressors of scikit-learn, alone and in pipelines."""
    truth, lengths = recorder.truth, recorder.train[:, 2] * 1.5 + recorder.train[:, 0]
    is_virginica = (truth == 2).astype(np.int64)

    def logistic() -> Any:
        return LogisticRegression(max_iter=1000)

    missing = recorder.rows.copy()
    missing[0, 1] = missing[5, 3] = np.nan

    recorder.sklearn("logistic", logistic())
    recorder.sklearn("logistic_binary", logistic(), is_virginica, zipmap=False)
    recorder.sklearn("logistic_double", logistic(), kind=DoubleTensorType)
    recorder.sklearn("one_row", logistic(), batch=1)
    recorder.sklearn("forest", RandomForestClassifier(10, max_depth=3, random_state=SEED))
    recorder.sklearn(
        "forest_binary", RandomForestClassifier(5, max_depth=2, random_state=SEED), is_virginica
    )
    recorder.sklearn(
        "boosting", GradientBoostingClassifier(n_estimators=5, random_state=SEED), zipmap=False
    )
    recorder.sklearn(
        "boosting_binary",
        GradientBoostingClassifier(n_estimators=5, random_state=SEED),
        is_virginica,
    )
    recorder.sklearn(
        "imputed", make_pipeline(SimpleImputer(), StandardScaler(), logistic()), rows=missing
    )
    recorder.sklearn("normalized", make_pipeline(Normalizer("l2"), logistic()))
    transformer = ColumnTransformer(
        [("scaled", StandardScaler(), [2, 0]), ("kept", "passthrough", [3])]
    )
    recorder.sklearn("columns", make_pipeline(transformer, logistic()))
    recorder.sklearn("perceptron", MLPClassifier([5], max_iter=2000, random_state=SEED))
    recorder.sklearn("linear", LinearRegression(), lengths)
    recorder.sklearn(
        "forest_regressor", RandomForestRegressor(4, max_depth=3, random_state=SEED), lengths
    )
    recorder.sklearn(
        "boosting_regressor", GradientBoostingRegressor(n_estimators=4, random_state=SEED), lengths
    )


def record_xgboost(recorder: Recorder) -> None:
    """Classifiers and a regressor of XGBoost."""
    size: dict[str, Any] = {"n_estimators": 4, "max_depth": 2, "random_state": SEED}
    truth = recorder.truth
    recorder.xgboost("xgboost", xgboost.XGBClassifier(**size), truth)
    recorder.xgboost("xgboost_binary", xgboost.XGBClassifier(**size), (truth == 1).astype(np.int64))
    lengths = recorder.train[:, 2] * 1.5 + recorder.train[:, 0]
    recorder.xgboost("xgboost_regressor", xgboost.XGBRegressor(**size), lengths)


def write_example(recorder: Recorder) -> None:
    """The classifier of `examples/iris`, which knows the species by their names."""
    species = np.array(recorder.species)[recorder.truth]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(recorder.train, species)
    exported = skl2onnx.convert_sklearn(
        model,
        name="iris",
        initial_types=[("lengths", FloatTensorType([None, 4]))],
        options={id(model): {"zipmap": False}},
    )
    recorder.keep(
        "iris", exported, recorder.rows, model.predict_proba(recorder.rows), model.classes_
    )
    EXAMPLE.parent.mkdir(exist_ok=True)
    (RECORDED / "iris.onnx").replace(EXAMPLE)


def main() -> None:
    """Records all of them."""
    recorder = Recorder()
    RECORDED.mkdir(exist_ok=True)
    for old in RECORDED.glob("*.onnx"):
        old.unlink()
    record_sklearn(recorder)
    record_xgboost(recorder)
    write_example(recorder)
    for name, graph in graphs.all_graphs().items():
        (RECORDED / f"{name}.onnx").write_bytes(graph.SerializeToString())
    modules = [sklearn, xgboost, skl2onnx, onnxmltools, onnx]
    recorded = {
        "versions": {module.__name__: module.__version__ for module in modules},
        "models": recorder.recorded,
    }
    text = json.dumps(recorded)
    # One line for each model, so that a change is seen where it is.
    for name in recorder.recorded:
        text = text.replace(f'"{name}": {{"rows"', f'\n"{name}": {{"rows"')
    (RECORDED / "predictions.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
