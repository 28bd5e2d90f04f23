"""The classifier of flowers that ``train.py`` fits, as a class of Seldon's, by NumPy alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Sequence

import numpy as np

HERE = Path(__file__).resolve().parent


class Iris:
    """Four lengths in, a species out: 0, 1 or 2.

    ``output`` names what comes out in the metadata. With ``both`` it is a dict of two arrays, the
    species and the probabilities of all three.
    """

    def __init__(self, output: str = "predict", both: bool = False) -> None:
        """Reads what the fit found."""
        learned = json.loads((HERE / "iris.json").read_text(encoding="utf-8"))
        self._output = output
        self._both = both
        self._classes = np.array(learned["classes"], dtype=np.int64)
        self._mean = np.array(learned["mean"])
        self._scale = np.array(learned["scale"])
        self._weights = np.array(learned["coefficients"]).T
        self._bias = np.array(learned["intercept"])

    def predict(self, X: Any, names: Sequence[str], meta: Any = None) -> Any:
        """Refuses what is not rows of four numbers, as scikit-learn does."""
        rows = np.asarray(X)
        # Floats of 32 bits are scaled as such, as scikit-learn does.
        kind = np.float32 if rows.dtype == np.float32 else np.float64
        rows = rows.astype(kind)
        if rows.ndim != 2 or rows.shape[1] != len(self._mean) or not len(rows):
            raise ValueError(f"must be rows of {len(self._mean)} numbers, has shape {rows.shape}")
        if not np.isfinite(rows).all():
            raise ValueError("must be finite numbers")
        scaled = (rows - self._mean.astype(kind)) / self._scale.astype(kind)
        scores = scaled @ self._weights + self._bias
        species = self._classes[scores.argmax(axis=1)]
        if not self._both:
            return species
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        return {"predict": species, "predict_proba": probabilities}

    def init_metadata(self) -> dict[str, Any]:
        """Names the output, which the servers do not agree on."""
        described: dict[str, Any] = {"name": "iris", "platform": ""}
        if not self._both:
            species = {"name": self._output, "datatype": "INT64", "shape": [-1]}
            described.update({"inputs": [], "outputs": [species]})
        return described
