"""Components of every shape, as arguments of calls.

They are imported where the real package is as well, and so import nothing but `seldon_core`.
"""

from __future__ import annotations

from typing import Any

from seldon_core.metrics import create_counter, create_gauge, create_timer
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse


class Empty:
    """Nothing at all."""


class Inherits(SeldonComponent):
    """What the base class gives."""


class Plain:
    """The methods without `meta`."""

    def predict(self, X: Any, names: Any) -> Any:
        return ["plain", len(X), names]

    transform_input = transform_output = predict

    def route(self, X: Any, names: Any) -> Any:
        return 1

    def aggregate(self, values: Any, names: Any) -> Any:
        return [len(values), names]

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, routing: Any = 9) -> Any:
        return [names, reward, routing]

    def health_status(self) -> Any:
        return [1, 2]

    def class_names(self) -> Any:
        return ["A", "B"]

    def feature_names(self) -> Any:
        return ["F", "G"]

    def tags(self) -> Any:
        return {"own": 1, "both": "component"}

    def metrics(self) -> Any:
        return [create_counter("calls", 1), create_timer("took", 20.5)]


class WithMeta(SeldonComponent):
    """The methods with `meta`."""

    def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        return {"names": names, "meta": meta}

    transform_input = transform_output = predict

    def route(self, features: Any, feature_names: Any, meta: Any = None) -> Any:
        return -1 if meta else 0


class AnyKeywords:
    """Methods that take whatever comes."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return [len(args), kwargs]

    transform_input = transform_output = route = predict


class Declines:
    """Methods that are there and decline."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        raise SeldonNotImplementedError("no")

    transform_input = transform_output = route = aggregate = send_feedback = predict
    health_status = class_names = feature_names = tags = metrics = predict


class Responds:
    """Methods whose response has tags and metrics of its own."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return SeldonResponse([1.5], {"run": True}, [create_gauge("level", 2)])

    transform_input = transform_output = aggregate = send_feedback = health_status = predict

    def route(self, *args: Any, **kwargs: Any) -> Any:
        return SeldonResponse(1, {"run": True})


class Nothing:
    """Methods that return nothing."""

    def predict(self, X: Any, names: Any) -> None:
        return None

    def aggregate(self, values: Any, names: Any) -> None:
        return None

    route = transform_input = transform_output = predict

    def class_names(self) -> None:
        return None

    feature_names = tags = health_status = class_names


class Attributes:
    """Names that are attributes, as in components of long ago."""

    class_names = ["a", "b", "c"]  # noqa: RUF012


class BadMetrics:
    """Metrics that are none."""

    def metrics(self) -> Any:
        return [{"type": "HISTOGRAM", "key": "k", "value": 1}]


NAMES = [
    name
    for name, cls in list(globals().items())
    if isinstance(cls, type) and cls.__module__ == __name__
]
