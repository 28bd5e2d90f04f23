"""Lists, texts, metrics and names of columns in all the forms that Python has for them."""

from typing import Any

import numpy as np

HALF = "a\ud800b"


class ReturnsAny:
    """Returns what the first name of the request names; so do its metrics, tags and names."""

    kind = ""

    def predict(self, X: Any, names: Any) -> Any:
        self.kind = names[0] if names else ""
        values = {
            "floats-ints": [1.5, 2],
            "floats-ints-2d": [[1, 2.5], [3.0, 4]],
            "bools-ints": [True, 2],
            "bools-floats": [False, 2.5],
            "bools": [True, False],
            "tuples": [(1, 2.5), (3, 4)],
            "numpy-floats": [np.float64(1.5), 2],
            "ints": [[1, 2]],
            "floats": [[1.0, 2.0]],
            "nan": [1, float("nan")],
            "big": [2**70, 1.5],
            "texts": ["a", 1],
            "none": [1, None],
            "deep": [[[1, 2.0]]],
            "half-text": HALF,
            "half-list": [HALF],
            "half-dict": {"a": HALF},
        }
        return values.get(self.kind, X)

    def transform_input(self, X: Any, names: Any) -> Any:
        return self.predict(X, names)

    def route(self, X: Any, names: Any) -> Any:
        self.predict(X, names)
        return 1

    def aggregate(self, X: Any, names: Any) -> Any:
        return self.predict(X[0], names[0])

    def metrics(self) -> Any:
        gauge = {"type": "GAUGE", "key": "k", "value": 1.5}
        return {
            "true": [{**gauge, "value": True}],
            "more": [{**gauge, "more": [1, None]}],
            "more-tags": [{**gauge, "more": 1, "tags": {"a": "b", "method": "own"}}],
            "one-of-two": [{**gauge, "tags": {"a": "b"}}, {**gauge, "value": False, "tags": {}}],
            "half-metric": [{**gauge, "tags": {"a": HALF}}],
        }.get(self.kind, [])

    def tags(self) -> Any:
        return {"half-tags": {"a": HALF}}.get(self.kind, {})

    def class_names(self) -> Any:
        return {
            "names-ints": [1, 2.5],
            "names-bools": [True, 1],
            "names-none": None,
            "names-text": "ab",
            "names-dict": {"a": 1},
            "names-number": 5,
            "names-tuple": ("a", "b"),
            "names-nested": [["a"], None],
            "names-half": [HALF],
            "names-empty": [],
        }.get(self.kind, ["c:0", "c:1"])
