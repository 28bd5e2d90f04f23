"""An ensemble's last step: the mean of what several models returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Sequence

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class MeanCombiner:
    """Averages the arrays of its children, element by element."""

    def aggregate(
        self, features_list: Sequence[npt.ArrayLike], feature_names_list: Sequence[Sequence[str]]
    ) -> npt.NDArray[np.float64]:
        """One array of the shape that all the inputs have.

        `features_list` has an array for each child, `feature_names_list` its column names.
        """
        if not features_list:
            raise ValueError("MeanCombiner needs at least one message to take the mean of")
        arrays = [np.asarray(features, dtype=np.float64) for features in features_list]
        shapes = [array.shape for array in arrays]
        if len(set(shapes)) > 1:
            raise ValueError(f"MeanCombiner needs messages of one shape, these have {shapes}")
        mean: npt.NDArray[np.float64] = np.mean(arrays, axis=0)
        return mean
