"""Marks rows that lie far from the training data, and passes them on as they came."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

REFERENCE_FILE = Path(__file__).resolve().parent / "reference.json"


class Mahalanobis:
    """Adds two tags to a message: `outlier` and `distance`, both with an entry for each row.

    The distance is Mahalanobis': how many standard deviations a row lies from the mean of the
    reference rows, along whichever direction it lies. A row beyond `threshold` is an outlier; of
    four normal features, 1 row in 300 lies beyond 4. `path` is a JSON file with `rows`; without
    it, the training rows of the iris example.
    """

    def __init__(self, threshold: float = 4.0, path: str | None = None) -> None:
        if not threshold > 0.0:
            raise ValueError(f"threshold is a distance above 0, not {threshold}")
        self.threshold = threshold
        self.path = Path(path) if path else REFERENCE_FILE
        self._mean: Floats = np.empty(0)
        self._precision: Floats = np.empty((0, 0))
        # tags() is called after transform_input on the same thread; another thread's request may
        # have come in between.
        self._last = threading.local()

    def load(self) -> None:
        """Reads the reference rows and learns their mean and covariance."""
        with self.path.open(encoding="utf-8") as file:
            rows = np.array(json.load(file)["rows"], dtype=np.float64)
        covariance = np.cov(rows, rowvar=False)
        self._mean = rows.mean(axis=0)
        self._precision = np.asarray(np.linalg.inv(covariance), dtype=np.float64)

    def transform_input(
        self, X: npt.ArrayLike, names: Sequence[str], meta: dict[str, Any] | None = None
    ) -> npt.ArrayLike:
        """`X` of shape (n, features), unchanged; its distances are kept for `tags`."""
        # A request that fails below must not leave with the tags of the one before it.
        self._last.distances = None
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self._mean.size:
            raise ValueError(
                f"Mahalanobis takes rows of {self._mean.size} numbers, shape "
                f"(n, {self._mean.size}); this request has shape {rows.shape}"
            )
        away = rows - self._mean
        squares = np.einsum("ni,ij,nj->n", away, self._precision, away)
        self._last.distances = np.sqrt(squares)
        return X

    def tags(self) -> dict[str, Any]:
        """`outlier`: booleans, `distance`: numbers to three decimals, one for each row."""
        distances = getattr(self._last, "distances", None)
        if distances is None:
            return {}
        return {
            "outlier": (distances > self.threshold).tolist(),
            "distance": np.round(distances, 3).tolist(),
        }
