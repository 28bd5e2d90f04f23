"""Combines the responses of several units."""

from typing import Any

import numpy as np


class Combiner:
    """The mean of numeric arrays; everything else is returned as the list that arrived."""

    def aggregate(self, X: Any, names: Any) -> Any:
        if X and all(isinstance(item, np.ndarray) for item in X):
            return np.mean(np.array(X), axis=0)
        return {"items": [repr(item) for item in X], "names": repr(names)}
