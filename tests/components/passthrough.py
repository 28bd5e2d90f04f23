"""What PAYLOAD_PASSTHROUGH shows: bytes in, bytes out."""

from __future__ import annotations

from typing import Any


class Raw:
    def predict_raw(self, body: bytes) -> bytes:
        return body[::-1]

    def predict(self, X: Any, names: Any) -> str:
        return "not called"


class Rest:
    def predict_rest(self, body: bytes) -> bytes:
        return b"rest: " + body

    def predict_raw(self, body: bytes) -> bytes:
        return b"not called"


class Plain:
    def predict(self, X: bytes, names: list[str]) -> str:
        return f"{type(X).__name__} of {len(X)}, names {names}"

    def transform_input(self, X: Any, names: Any) -> Any:
        return X


class Odd:
    def predict(self, X: bytes, names: list[str]) -> dict[str, int]:
        return {"a": 1}


class Nothing:
    pass
