"""A component whose texts are none that UTF-8 has, or too long."""

from __future__ import annotations

from typing import Any


class SeldonMicroserviceException(Exception):
    """Recognised by its name."""

    status_code = 409

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class Texts:
    """Half of a surrogate pair wherever text goes out."""

    X: Any = None

    def predict(self, X: Any, names: Any) -> Any:
        half = "a\ud800b"
        if not isinstance(X, str):
            return "else"
        if X == "raise":
            raise ValueError(half)
        if X == "custom":
            raise SeldonMicroserviceException(half, half)
        if X == "long":
            raise ValueError("x" * 50_000_000)
        if X == "print":
            print(half)
            print("printed", flush=True)
        if X == "log":
            import logging

            logging.getLogger("texts").warning("logged %s", half, extra={"half": half})
        self.X = X
        return {"value": half, half: 1} if X == "json" else [[half, "c"]] if X == "list" else half

    def class_names(self) -> Any:
        return ["a\ud800b", "c"]

    def tags(self) -> Any:
        return {"tag": "a\ud800b", "a\ud800b": 1} if self.X == "tags" else {}

    def metrics(self) -> Any:
        if self.X != "metrics":
            return []
        tags = {"a": "a\ud800b"}
        return [{"type": "COUNTER", "key": "half", "value": 1, "tags": tags}]
