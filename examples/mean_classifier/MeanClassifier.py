"""A classifier that needs no training: the larger the mean of a row, the likelier its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class MeanClassifier:
    """One probability a row: the logistic function of (mean of the row - `threshold`).

    `intValue` is the number of leading columns that are no features (a row number, a key) and
    stay out of the mean. Both come from `--parameters`; the odd spelling is what manifests write.
    """

    def __init__(self, threshold: float = 0.0, intValue: int = 0) -> None:
        if intValue < 0:
            raise ValueError(f"intValue is a number of columns, 0 or more, not {intValue}")
        self.threshold = threshold
        self.skip = intValue

    def predict(
        self, X: npt.ArrayLike, names: Sequence[str], meta: dict[str, Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Probabilities of shape (n, 1) for `X` of shape (n, m), m greater than `intValue`."""
        rows = np.asarray(X, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] <= self.skip:
            raise ValueError(
                f"MeanClassifier takes rows of at least {self.skip + 1} numbers; "
                f"this request has shape {rows.shape}"
            )
        score = rows[:, self.skip :].mean(axis=1, keepdims=True) - self.threshold
        # tanh saturates where exp would overflow.
        probability: npt.NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * score))
        return probability

    def class_names(self) -> list[str]:
        """The name of the only column."""
        return ["proba"]

    def tags(self) -> dict[str, Any]:
        """The threshold that the prediction was made with, for those who read logs later."""
        return {"threshold": self.threshold}
