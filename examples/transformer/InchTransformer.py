"""Stands before and behind a model: inches in become centimetres, probabilities out percentages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Sequence

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class InchTransformer:
    """Multiplies what goes in by `factor` and writes what comes out in per cent.

    `factor` is the size of the client's unit in the model's unit; 2.54 makes inches centimetres,
    which the `Iris` example wants.
    """

    def __init__(self, factor: float = 2.54) -> None:
        if not factor > 0.0:
            raise ValueError(f"factor must be above 0, not {factor}")
        self.factor = factor

    def transform_input(
        self, X: npt.ArrayLike, names: Sequence[str], meta: dict[str, Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """`X` of any shape in the client's unit; the same shape in the model's unit."""
        scaled: npt.NDArray[np.float64] = np.asarray(X, dtype=np.float64) * self.factor
        return scaled

    def transform_output(
        self, X: npt.ArrayLike, names: Sequence[str], meta: dict[str, Any] | None = None
    ) -> npt.NDArray[np.float64]:
        """Probabilities of any shape; the same shape in per cent, to one decimal."""
        percent: npt.NDArray[np.float64] = np.round(np.asarray(X, dtype=np.float64) * 100.0, 1)
        return percent

    def feature_names(self) -> list[str]:
        """The columns in the order that `transform_input` takes and returns them.

        There is no `class_names` here on purpose: it would name the columns of both directions,
        and they are not the same.
        """
        return ["sepal_length", "sepal_width", "petal_length", "petal_width"]
