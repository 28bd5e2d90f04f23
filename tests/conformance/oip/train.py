"""Fits the models that the recorded servers serve, and writes them down.

``train.py FOLDER`` writes ``iris.joblib`` and ``topics.joblib`` for the servers, which are not
committed, and ``components/iris.json`` and ``topics.json``, what the fits found, which are: the
components apply it by NumPy alone. Data and seeds are fixed, so a second run writes the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import joblib
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SEED = 17

# Their words are far from each other.
TEXTS = {
    "music": ["the band played a song", "a singer and a guitar", "the choir sang the song again"],
    "sport": ["the team won the match", "a goal in the last minute", "the runner won the race"],
    "weather": ["rain in the morning", "sun and wind all day", "snow and more rain, then wind"],
}


def write(path: Path, value: dict[str, Any]) -> None:
    """Writes one line for each key."""
    lines = [f"  {json.dumps(key)}: {json.dumps(value[key])}" for key in value]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def iris(folder: Path, beside: Path) -> None:
    """Three species from four lengths; the classes are 0, 1 and 2."""
    data = load_iris()
    model = make_pipeline(StandardScaler(), LogisticRegression(random_state=SEED))
    model.fit(data.data, data.target)
    joblib.dump(model, folder / "iris.joblib")
    scaler, classifier = model[0], model[1]
    learned = {
        "classes": classifier.classes_.tolist(),
        "mean": scaler.mean_.tolist(),
        "scale": scaler.scale_.tolist(),
        "coefficients": classifier.coef_.tolist(),
        "intercept": classifier.intercept_.tolist(),
    }
    write(beside / "iris.json", learned)


def topics(folder: Path, beside: Path) -> None:
    """The topic of a text; the classes are words."""
    texts = [text for found in TEXTS.values() for text in found]
    labels = [topic for topic, found in TEXTS.items() for _ in found]
    model = make_pipeline(CountVectorizer(), LogisticRegression(random_state=SEED))
    model.fit(texts, labels)
    joblib.dump(model, folder / "topics.joblib")
    counter, classifier = model[0], model[1]
    learned = {
        "classes": classifier.classes_.tolist(),
        "words": counter.get_feature_names_out().tolist(),
        "coefficients": classifier.coef_.tolist(),
        "intercept": classifier.intercept_.tolist(),
    }
    write(beside / "topics.json", learned)


def main() -> None:
    """Fits both."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(__file__).resolve().parent / "components"
    iris(folder, beside)
    topics(folder, beside)


if __name__ == "__main__":
    main()
