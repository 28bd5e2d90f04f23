"""Trains the classifier that `Iris.py` serves, and writes what it learned to small files.

The only script here that needs scikit-learn; serving needs numpy alone::

    python3 -m venv /tmp/iris-train
    /tmp/iris-train/bin/pip install scikit-learn
    /tmp/iris-train/bin/python examples/iris/train.py

The data are Fisher's 150 flowers as scikit-learn carries them: four lengths in centimetres, three
species, 50 rows each. The split is stratified and its seed fixed, so that a second run writes the
same files:

- `iris.json`: classes, feature names, scaler, coefficients, intercept, accuracies, the version of
  scikit-learn;
- `requests/*.json`: request bodies made of rows that the training never saw;
- `requests/truth.json`: for every request file the true class of each of its rows;
- `../outlier_detector/reference.json`: the training rows, as the outlier detector's idea of normal.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
REQUESTS = HERE / "requests"
REFERENCE = HERE.parent / "outlier_detector" / "reference.json"

SEED = 7
HELD_OUT = 30
# Enough to keep every prediction, few enough that another machine's rounding leaves no trace.
DECIMALS = 10


def write(path: Path, value: dict[str, Any]) -> None:
    """Writes indented JSON with each innermost list on one line, so that a row reads as a row."""
    text = json.dumps(value, indent=2)
    text = re.sub(
        r"\[\s+([^][{}]*?)\s+\]",
        lambda numbers: "[" + re.sub(r"\s+", " ", numbers.group(1)) + "]",
        text,
    )
    path.write_text(text + "\n", encoding="utf-8")


def rounded(values: Any) -> Any:
    """A numpy array as nested lists of `DECIMALS` digits."""
    return np.round(values, DECIMALS).tolist()


def main() -> None:
    """Trains, prints both accuracies, writes the files."""
    data = load_iris()
    features = [str(name).replace(" (cm)", "").replace(" ", "_") for name in data.feature_names]
    classes = [str(name) for name in data.target_names]
    train_rows, test_rows, train_truth, test_truth = train_test_split(
        data.data, data.target, test_size=HELD_OUT, random_state=SEED, stratify=data.target
    )

    scaler = StandardScaler().fit(train_rows)
    model = LogisticRegression(max_iter=1000).fit(scaler.transform(train_rows), train_truth)
    train_accuracy = float(model.score(scaler.transform(train_rows), train_truth))
    test_accuracy = float(model.score(scaler.transform(test_rows), test_truth))

    write(
        HERE / "iris.json",
        {
            "classes": classes,
            "features": features,
            "scaler": {"mean": rounded(scaler.mean_), "scale": rounded(scaler.scale_)},
            "coefficients": rounded(model.coef_),
            "intercept": rounded(model.intercept_),
            "training_accuracy": round(train_accuracy, 4),
            "held_out_accuracy": round(test_accuracy, 4),
            "sklearn": sklearn.__version__,
        },
    )

    def species(rows: slice) -> list[str]:
        return [classes[label] for label in test_truth[rows]]

    def ndarray(rows: slice) -> dict[str, Any]:
        return {"data": {"names": features, "ndarray": test_rows[rows].tolist()}}

    def tensor(rows: slice) -> dict[str, Any]:
        part = test_rows[rows]
        return {
            "data": {
                "names": features,
                "tensor": {"shape": list(part.shape), "values": part.ravel().tolist()},
            }
        }

    one, several, flat, every = slice(0, 1), slice(1, 7), slice(7, 12), slice(None)
    REQUESTS.mkdir(exist_ok=True)
    write(REQUESTS / "one_row.json", ndarray(one))
    write(REQUESTS / "several_rows.json", ndarray(several))
    write(REQUESTS / "tensor.json", tensor(flat))
    write(REQUESTS / "held_out.json", ndarray(every))
    write(
        REQUESTS / "truth.json",
        {
            "one_row.json": species(one),
            "several_rows.json": species(several),
            "tensor.json": species(flat),
            "held_out.json": species(every),
        },
    )
    write(REFERENCE, {"features": features, "rows": train_rows.tolist()})

    print(f"accuracy on the {len(train_truth)} training rows: {train_accuracy:.4f}")
    print(f"accuracy on the {len(test_truth)} held-out rows: {test_accuracy:.4f}")


if __name__ == "__main__":
    main()
