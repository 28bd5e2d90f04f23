"""Says which names and which meta it was given, whatever they are."""

from typing import Any


class MetaAny:
    """Without tags and metrics of its own."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return {"names": repr(names), "meta": repr(meta)}

    def transform_input(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X

    def route(self, X: Any, names: Any, meta: Any = None) -> Any:
        return 1

    def aggregate(self, X: Any, names: Any) -> Any:
        return {"names": repr(names)}
