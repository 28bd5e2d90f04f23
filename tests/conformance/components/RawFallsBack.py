"""Raw methods that decline, so that the plain ones are called."""

from typing import Any

from seldon_core.user_model import SeldonNotImplementedError


class RawFallsBack:
    """Raises the not-implemented exception in each raw method."""

    def predict_raw(self, msg: Any) -> Any:
        raise SeldonNotImplementedError("plain, please")

    def predict(self, X: Any, names: Any) -> Any:
        return {"plain": repr(X)}

    def health_status_raw(self) -> Any:
        raise SeldonNotImplementedError("plain, please")

    def health_status(self) -> Any:
        return "plain health"
