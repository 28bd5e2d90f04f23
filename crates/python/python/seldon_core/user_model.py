"""Base class and response wrapper of components, and the calls of a component's methods."""

from __future__ import annotations

import inspect
import json
import logging
import os
from typing import Any, Iterable

from ._lazy import getter
from .flask_utils import SeldonMicroserviceException
from .metrics import SeldonMetrics, validate_metrics

logger = logging.getLogger(__name__)

INCLUDE_METRICS_IN_CLIENT_RESPONSE = os.environ.get(
    "INCLUDE_METRICS_IN_CLIENT_RESPONSE", "true"
).lower() in ("true", "1")

# Arrays, text, bytes or JSON, and a response around one of them.
Payload = Any
# A `SeldonMessage`, or the same as JSON.
Message = Any


class SeldonNotImplementedError(SeldonMicroserviceException):
    """The component declines a call, as if it did not define the method."""

    status_code = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)


class SeldonResponse:
    """A response with tags and metrics of this one call."""

    def __init__(
        self,
        data: Payload,
        tags: dict[str, Any] | None = None,
        metrics: list[dict[str, Any]] | None = None,
    ) -> None:
        self.data = data
        self.tags = tags if tags is not None else {}
        self.metrics = metrics if metrics is not None else []

    @classmethod
    def create(cls, data: Payload) -> SeldonResponse:
        """`data` itself if it is a response already, else a response around it."""
        return data if isinstance(data, SeldonResponse) else cls(data)


class SeldonComponent:
    """May be the base of a component: what that does not define is "not implemented"."""

    def __init__(self, **kwargs: Any) -> None:
        pass

    def load(self) -> None:
        """Called once in every worker, before the first request."""

    def predict(self, X: Any, names: Iterable[str], meta: dict[str, Any] | None = None) -> Payload:
        """The response to an array, text, bytes or JSON."""
        raise _not_defined("predict")

    def predict_raw(self, msg: Message) -> Message:
        """The response to a whole message."""
        raise _not_defined("predict_raw")

    def transform_input(
        self, X: Any, names: Iterable[str], meta: dict[str, Any] | None = None
    ) -> Payload:
        """What is sent on to the unit behind this one."""
        raise _not_defined("transform_input")

    def transform_input_raw(self, msg: Message) -> Message:
        """The message that is sent on to the unit behind this one."""
        raise _not_defined("transform_input_raw")

    def transform_output(
        self, X: Any, names: Iterable[str], meta: dict[str, Any] | None = None
    ) -> Payload:
        """What is sent back of another unit's response."""
        raise _not_defined("transform_output")

    def transform_output_raw(self, msg: Message) -> Message:
        """The message that is sent back of another unit's response."""
        raise _not_defined("transform_output_raw")

    def route(self, features: Any, feature_names: Iterable[str]) -> Any:
        """The number of the unit that gets the request, -1 for all."""
        raise _not_defined("route")

    def route_raw(self, msg: Message) -> Message:
        """A message with the number of the unit that gets the request."""
        raise _not_defined("route_raw")

    def aggregate(self, features_list: list[Any], feature_names_list: list[Any]) -> Payload:
        """One response made of several."""
        raise _not_defined("aggregate")

    def aggregate_raw(self, msgs: Message) -> Message:
        """One message made of several."""
        raise _not_defined("aggregate_raw")

    def send_feedback(
        self,
        features: Any,
        feature_names: Iterable[str],
        reward: float,
        truth: Any,
        routing: int | None,
    ) -> Payload:
        """Takes in how good an earlier response was."""
        raise _not_defined("send_feedback")

    def send_feedback_raw(self, feedback: Message) -> Message:
        """Takes in a whole feedback message."""
        raise _not_defined("send_feedback_raw")

    def health_status(self) -> Payload:
        """What the health endpoint responds."""
        raise _not_defined("health_status")

    def health_status_raw(self) -> Message:
        """The message that the health endpoint responds."""
        raise _not_defined("health_status_raw")

    def metadata(self) -> dict[str, Any]:
        """Not called; see `init_metadata`."""
        raise _not_defined("metadata")

    def init_metadata(self) -> dict[str, Any]:
        """The metadata of the model."""
        raise _not_defined("init_metadata")

    def class_names(self) -> Iterable[str]:
        """Names of the response's columns."""
        raise _not_defined("class_names")

    def feature_names(self) -> Iterable[str]:
        """Names of the columns of what is sent on."""
        raise _not_defined("feature_names")

    def tags(self) -> dict[str, Any]:
        """Tags of the last call."""
        raise _not_defined("tags")

    def metrics(self) -> list[dict[str, Any]]:
        """Metrics of the last call."""
        raise _not_defined("metrics")


def _not_defined(name: str) -> SeldonNotImplementedError:
    return SeldonNotImplementedError(f"{name} is not implemented")


# The calls of a component's methods, as the server makes them. "Declined" is a method that is not
# there, or raises `SeldonNotImplementedError`.


def client_predict(
    user_model: SeldonComponent, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """What `predict` returns; an empty list where it is declined."""
    return _unless_declined(user_model, "predict", [], features, feature_names, kwargs)


def client_transform_input(
    user_model: SeldonComponent, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """What `transform_input` returns; what came in where it is declined."""
    return _unless_declined(
        user_model, "transform_input", features, features, feature_names, kwargs
    )


def client_transform_output(
    user_model: SeldonComponent, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """What `transform_output` returns; what came in where it is declined."""
    return _unless_declined(
        user_model, "transform_output", features, features, feature_names, kwargs
    )


def client_route(
    user_model: SeldonComponent, features: Any, feature_names: Iterable[str], **kwargs: Any
) -> SeldonResponse:
    """What `route` returns; it cannot be declined."""
    method = _method(user_model, "route", "Route")
    return SeldonResponse.create(_call(method, features, feature_names, kwargs))


def client_aggregate(
    user_model: SeldonComponent, features_list: list[Any], feature_names_list: list[Any]
) -> SeldonResponse:
    """What `aggregate` returns; it cannot be declined."""
    method = _method(user_model, "aggregate", "Aggregate")
    return SeldonResponse.create(method(features_list, feature_names_list))


def client_send_feedback(
    user_model: SeldonComponent,
    features: Any,
    feature_names: Iterable[str],
    reward: float,
    truth: Any,
    routing: int | None,
) -> SeldonResponse:
    """What `send_feedback` returns; nothing where it is declined."""
    result = None
    if hasattr(user_model, "send_feedback"):
        try:
            result = user_model.send_feedback(
                features, feature_names, reward, truth, routing=routing
            )
        except SeldonNotImplementedError:
            logger.debug("send_feedback is declined")
    return SeldonResponse.create(result)


def client_health_status(user_model: SeldonComponent) -> Payload:
    """What `health_status` returns; where it is declined the component is taken for healthy."""
    if not hasattr(user_model, "health_status"):
        return "healthy"
    try:
        return user_model.health_status()
    except SeldonNotImplementedError:
        return "not implemented - assuming healthy"


def client_custom_tags(user_model: SeldonComponent) -> dict[str, Any]:
    """What `tags` returns; none where it is declined."""
    if hasattr(user_model, "tags"):
        try:
            return user_model.tags()
        except SeldonNotImplementedError:
            logger.debug("tags is declined")
    return {}


def client_custom_metrics(
    user_model: SeldonComponent,
    seldon_metrics: SeldonMetrics,
    method: str,
    # The real one's signature, which a test compares; it is never changed here.
    runtime_metrics: list[dict[str, Any]] = [],  # noqa: B006
) -> list[dict[str, Any]]:
    """What `metrics` returns and what the call itself has reported; both are taken in."""
    _check_metrics(runtime_metrics)
    seldon_metrics.update(runtime_metrics, method)
    own: list[dict[str, Any]] = []
    if hasattr(user_model, "metrics"):
        try:
            own = user_model.metrics()
        except SeldonNotImplementedError:
            logger.debug("metrics is declined")
        else:
            _check_metrics(own)
            seldon_metrics.update(own, method)
    return own + runtime_metrics if INCLUDE_METRICS_IN_CLIENT_RESPONSE else []


def client_class_names(user_model: SeldonComponent, predictions: Any) -> Iterable[str]:
    """Names of the columns of an array: the component's own, else `t:0` and so on.

    An array of less than two dimensions has no columns.
    """
    if len(predictions.shape) < 2:
        return []
    if hasattr(user_model, "class_names"):
        found: Any = user_model.class_names
        if not callable(found):
            logger.warning("class_names is an attribute; it should be a method")
        try:
            names: Iterable[str] = found() if callable(found) else found
            return names
        except SeldonNotImplementedError:
            logger.debug("class_names is declined")
    return [f"t:{number}" for number in range(predictions.shape[1])]


def client_feature_names(user_model: SeldonComponent, original: Iterable[str]) -> Iterable[str]:
    """What `feature_names` returns; the original names where it is declined."""
    if hasattr(user_model, "feature_names"):
        try:
            return user_model.feature_names()
        except SeldonNotImplementedError:
            logger.debug("feature_names is declined")
    return original


def _unless_declined(
    user_model: Any,
    name: str,
    default: Any,
    features: Any,
    feature_names: Iterable[str],
    kwargs: dict[str, Any],
) -> SeldonResponse:
    result = default
    if hasattr(user_model, name):
        try:
            result = _call(getattr(user_model, name), features, feature_names, kwargs)
        except SeldonNotImplementedError:
            logger.debug("%s is declined", name)
    return SeldonResponse.create(result)


def _method(user_model: Any, name: str, title: str) -> Any:
    if not hasattr(user_model, name):
        raise SeldonNotImplementedError(f"{title} not defined")
    return getattr(user_model, name)


def _call(
    method: Any, features: Any, feature_names: Iterable[str], kwargs: dict[str, Any]
) -> Payload:
    """Calls with the keyword arguments where the method takes them, else without.

    The signature decides, so that a method that raises `TypeError` is not called twice.
    """
    try:
        inspect.signature(method, follow_wrapped=False).bind(features, feature_names, **kwargs)
    except TypeError:
        return method(features, feature_names)
    except ValueError:
        # It has no signature to be seen.
        try:
            return method(features, feature_names, **kwargs)
        except TypeError:
            return method(features, feature_names)
    return method(features, feature_names, **kwargs)


def _check_metrics(metrics: Any) -> None:
    if not validate_metrics(metrics):
        raise SeldonMicroserviceException(
            f"Bad metric created during request: {json.dumps(metrics, default=str)}",
            status_code=500,
            reason="MICROSERVICE_BAD_METRIC",
        )


__getattr__ = getter(
    globals(),
    {
        "Dict": "typing:Dict",
        "List": "typing:List",
        "Tuple": "typing:Tuple",
        "Union": "typing:Union",
        "np": "numpy",
        "prediction_pb2": "seldon_core.proto.prediction_pb2",
    },
)
