"""Base class and response wrapper of components."""

from __future__ import annotations

from typing import Any

from .flask_utils import SeldonMicroserviceException


class SeldonNotImplementedError(SeldonMicroserviceException):
    """The component declines a call, as if it did not define the method."""


class SeldonResponse:
    """A response with tags and metrics of this one call."""

    def __init__(
        self,
        data: Any,
        tags: dict[str, Any] | None = None,
        metrics: list[dict[str, Any]] | None = None,
    ) -> None:
        self.data = data
        self.tags = tags or {}
        self.metrics = metrics or []

    @classmethod
    def create(cls, data: Any) -> SeldonResponse:
        """`data` itself if it is a response already, else a response around it."""
        return data if isinstance(data, SeldonResponse) else cls(data)


def _declines(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise SeldonNotImplementedError(f"{name} is not implemented")

    method.__name__ = name
    method.__qualname__ = "SeldonComponent." + name
    method.__doc__ = "Not implemented; a component defines its own."
    return method


class SeldonComponent:
    """May be the base of a component: what that does not define is "not implemented"."""

    def __init__(self, **kwargs: Any) -> None:
        pass

    def load(self) -> None:
        """Called once in every worker, before the first request."""

    predict = _declines("predict")
    predict_raw = _declines("predict_raw")
    transform_input = _declines("transform_input")
    transform_input_raw = _declines("transform_input_raw")
    transform_output = _declines("transform_output")
    transform_output_raw = _declines("transform_output_raw")
    route = _declines("route")
    route_raw = _declines("route_raw")
    aggregate = _declines("aggregate")
    aggregate_raw = _declines("aggregate_raw")
    send_feedback = _declines("send_feedback")
    send_feedback_raw = _declines("send_feedback_raw")
    health_status = _declines("health_status")
    health_status_raw = _declines("health_status_raw")
    init_metadata = _declines("init_metadata")
    class_names = _declines("class_names")
    feature_names = _declines("feature_names")
    tags = _declines("tags")
    metrics = _declines("metrics")
