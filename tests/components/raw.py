"""Methods that take raw messages, as people write them."""

from __future__ import annotations

from typing import Any


class AnyJson:
    """Any JSON in, any JSON out."""

    def predict_raw(self, msg: Any) -> Any:
        return {"got": msg, "type": type(msg).__name__}


class StatusText:
    """The form that most JSON services have for a response."""

    def predict_raw(self, msg: Any) -> Any:
        return {"status": "success", "predictions": [1, 2]}


class Same:
    """Gives back the very message."""

    def predict_raw(self, msg: Any) -> Any:
        return msg
