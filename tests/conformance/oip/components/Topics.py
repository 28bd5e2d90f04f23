"""The classifier of texts that ``train.py`` fits, as a class of Seldon's, by NumPy alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Sequence

import numpy as np

HERE = Path(__file__).resolve().parent
WORD = re.compile(r"\b\w\w+\b")


class Topics:
    """Texts in, topics out.

    ``output`` names what comes out in the metadata.
    """

    def __init__(self, output: str = "predict") -> None:
        """Reads what the fit found."""
        learned = json.loads((HERE / "topics.json").read_text(encoding="utf-8"))
        self._output = output
        self._classes = np.array(learned["classes"])
        self._columns = {word: column for column, word in enumerate(learned["words"])}
        self._weights = np.array(learned["coefficients"]).T
        self._bias = np.array(learned["intercept"])

    def predict(self, X: Any, names: Sequence[str], meta: Any = None) -> Any:
        """Counts the known words of each text."""
        texts = [X] if isinstance(X, (str, bytes)) else np.asarray(X).reshape(-1).tolist()
        counts = np.zeros((len(texts), len(self._columns)))
        for row, text in enumerate(texts):
            if not isinstance(text, (str, bytes)):
                raise TypeError(f"must be texts, has {type(text).__name__}")
            known = text.decode() if isinstance(text, bytes) else text
            for word in WORD.findall(known.lower()):
                if word in self._columns:
                    counts[row, self._columns[word]] += 1
        return self._classes[(counts @ self._weights + self._bias).argmax(axis=1)]

    def init_metadata(self) -> dict[str, Any]:
        """Names the output, which the servers do not agree on."""
        topic = {"name": self._output, "datatype": "BYTES", "shape": [-1]}
        return {"name": "topics", "platform": "", "inputs": [], "outputs": [topic]}
