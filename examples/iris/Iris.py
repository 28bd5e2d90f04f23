"""A logistic regression for iris flowers: `train.py` made `iris.json`, numpy applies it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

MODEL_FILE = Path(__file__).resolve().parent / "iris.json"


class Iris:
    """Four lengths of a flower in centimetres in, the probability of each of three species out.

    `path` is the file with the coefficients; without it, the one beside this module.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = Path(path) if path else MODEL_FILE
        self.classes: list[str] = []
        self.features: list[str] = []
        self._weights: Floats = np.empty((0, 0))
        self._bias: Floats = np.empty(0)

    def load(self) -> None:
        """Reads the coefficients, once in every worker."""
        with self.path.open(encoding="utf-8") as file:
            learned = json.load(file)
        mean = np.array(learned["scaler"]["mean"], dtype=np.float64)
        scale = np.array(learned["scaler"]["scale"], dtype=np.float64)
        coefficients = np.array(learned["coefficients"], dtype=np.float64)
        intercept = np.array(learned["intercept"], dtype=np.float64)
        self.classes = [str(name) for name in learned["classes"]]
        self.features = [str(name) for name in learned["features"]]
        # (x - mean) / scale @ c + b is linear in x: folded here, a request pays for one product.
        self._weights = (coefficients / scale).T
        self._bias = intercept - mean @ self._weights

    def predict(
        self, X: npt.ArrayLike, names: Sequence[str], meta: dict[str, Any] | None = None
    ) -> Floats:
        """Probabilities of shape (n, 3) for `X` of shape (n, 4); every row sums to one.

        The columns are taken in the order of the training data, whatever `names` says.
        """
        rows = self._rows(X)
        logits = rows @ self._weights + self._bias
        # Without the largest logit taken off first, exp overflows on far outliers.
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities: Floats = powers / powers.sum(axis=1, keepdims=True)
        return probabilities

    def class_names(self) -> list[str]:
        """The species, in the order of the columns that `predict` returns."""
        return self.classes

    def init_metadata(self) -> dict[str, Any]:
        """What `/metadata` says of this model."""
        # Called in a process that need not have called load().
        if not self.classes:
            self.load()
        return {
            "name": "iris",
            "versions": ["1"],
            "platform": "numpy",
            "inputs": [
                {
                    "messagetype": "tensor",
                    "schema": {"names": self.features, "shape": [len(self.features)]},
                }
            ],
            "outputs": [
                {
                    "messagetype": "tensor",
                    "schema": {"names": self.classes, "shape": [len(self.classes)]},
                }
            ],
        }

    def _rows(self, X: npt.ArrayLike) -> Floats:
        if not self.classes:
            raise RuntimeError("predict was called before load()")
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.features):
            raise ValueError(
                f"Iris takes rows of {len(self.features)} numbers ({', '.join(self.features)}), "
                f"shape (n, {len(self.features)}); this request has shape {rows.shape}"
            )
        return rows
