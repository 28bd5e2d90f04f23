"""Metrics that a component reports, as dictionaries, and a collection of them."""

from __future__ import annotations

import bisect
import logging
import math
import os
import threading
from typing import Any, Callable, Iterator, Tuple

from ._lazy import getter, needs
from .env_utils import (
    get_deployment_name,
    get_image_name,
    get_model_name,
    get_predictor_name,
    get_predictor_version,
)

logger = logging.getLogger(__name__)

COUNTER = "COUNTER"
GAUGE = "GAUGE"
TIMER = "TIMER"

FEEDBACK_KEY = "seldon_api_model_feedback"
FEEDBACK_REWARD_KEY = "seldon_api_model_feedback_reward"

# What the label `method` says.
PREDICT_METRIC_METHOD_TAG = "predict"
FEEDBACK_METRIC_METHOD_TAG = "feedback"
INPUT_TRANSFORM_METRIC_METHOD_TAG = "inputtransform"
OUTPUT_TRANSFORM_METRIC_METHOD_TAG = "outputtransform"
ROUTER_METRIC_METHOD_TAG = "router"
AGGREGATE_METRIC_METHOD_TAG = "aggregate"
HEALTH_METRIC_METHOD_TAG = "health"


def _bins() -> list[float]:
    """Upper bounds in seconds: 50 from a millisecond to half a minute, evenly on a log scale."""
    first, last = -3, math.log10(30)
    step = (last - first) / 49
    return [0, *(10.0 ** (first + number * step) for number in range(49)), 10.0**last, math.inf]


BINS = _bins()


def split_image_tag(tag: str) -> tuple[str, str]:
    """An image's name and its version."""
    name, _, version = tag.rpartition(":")
    return name, version


image = get_image_name()
model_image, model_version = split_image_tag(image)
predictor_version = get_predictor_version()
legacy_mode = os.environ.get("SELDON_EXECUTOR_ENABLED", "true").lower() == "false"

DEFAULT_LABELS = {
    "deployment_name": get_deployment_name(),
    "model_name": get_model_name(),
    "model_image": model_image,
    "model_version": model_version,
    "predictor_name": get_predictor_name(),
    "predictor_version": predictor_version,
    "seldon_deployment_name": get_deployment_name(),
    "image_name": model_image,
    "image_version": model_version,
}


def create_counter(key: str, value: float) -> dict[str, Any]:
    """A metric that is added to the value before."""
    return _create(COUNTER, key, value)


def create_gauge(key: str, value: float) -> dict[str, Any]:
    """A metric that replaces the value before."""
    return _create(GAUGE, key, value)


def create_timer(key: str, value: float) -> dict[str, Any]:
    """A duration in milliseconds."""
    return _create(TIMER, key, value)


def _create(kind: str, key: str, value: float) -> dict[str, Any]:
    if not _is_number(value):
        raise TypeError(f"the value of metric {key!r} must be a number, not {value!r}")
    return {"key": key, "type": kind, "value": value}


def validate_metrics(metrics: list[dict[str, Any]]) -> bool:
    """Whether it is a list of valid metrics."""
    return isinstance(metrics, list) and all(map(_is_valid, metrics))


def _is_valid(metric: Any) -> bool:
    return (
        isinstance(metric, dict)
        and metric.get("type") in (COUNTER, GAUGE, TIMER)
        and "key" in metric
        and _is_number(metric.get("value"))
    )


def _is_number(value: Any) -> bool:
    """Whether it can be added to a number, as NumPy's scalars can."""
    try:
        value + 1
    except TypeError:
        return False
    return True


# Kind, name, and the tags as text.
_Key = Tuple[str, str, str]


class SeldonMetrics:
    """Metrics by worker, for code that keeps them itself; the server does not read them.

    They are kept in this process.
    """

    def __init__(
        self,
        worker_id_func: Callable[[], Any] = os.getpid,
        # The real one's signature, which a test compares; it is never changed here.
        extra_default_labels: dict[str, str] = {},  # noqa: B006
    ) -> None:
        self.worker_id_func = worker_id_func
        self.data: dict[Any, dict[_Key, dict[str, Any]]] = {}
        self._extra_default_labels = extra_default_labels
        self._lock = threading.Lock()

    def update_reward(self, reward: float) -> None:
        """Counts a feedback and adds its reward; none, and zero, are no feedback."""
        if not reward:
            return
        counted = [
            {"key": FEEDBACK_KEY, "type": COUNTER, "value": 1},
            {"key": FEEDBACK_REWARD_KEY, "type": COUNTER, "value": reward},
        ]
        self.update(counted, FEEDBACK_METRIC_METHOD_TAG)

    def update(self, custom_metrics: list[dict[str, Any]], method: str) -> None:
        """Takes in what a call of a method has reported."""
        with self._lock:
            kept = self.data.setdefault(self.worker_id_func(), {})
            for metric in custom_metrics:
                # In place: a metric with tags goes into the response with this one, too.
                tags = metric.get("tags", {})
                tags["method"] = method
                kind, value = metric["type"], metric["value"]
                key = (kind, metric["key"], self._generate_tags_key(tags))
                before = kept[key]["value"] if key in kept else None
                if kind == COUNTER:
                    value = (before or 0) + value
                elif kind == TIMER:
                    counts, total = before or ([0.0] * (len(BINS) - 1), 0.0)
                    value = self._update_hist(value / 1000, counts, total)
                elif kind != GAUGE:
                    logger.error("the type of metric %s is unknown: %s", metric["key"], kind)
                    continue
                kept[key] = {"value": value, "tags": dict(tags)}

    def collect(self) -> Iterator[Any]:
        """The metrics as families of prometheus_client."""
        try:
            import prometheus_client.core as families
        except ImportError as error:
            raise needs("SeldonMetrics.collect", "prometheus-client", error) from None
        with self._lock:
            snapshot = {worker: dict(kept) for worker, kept in self.data.items()}
        for worker, kept in snapshot.items():
            for (kind, name, _), found in kept.items():
                labels = self._merge_labels(str(worker), found["tags"])
                keys, values = list(labels), list(labels.values())
                if kind == GAUGE:
                    family = families.GaugeMetricFamily(name, "", labels=keys)
                    family.add_metric(values, found["value"])
                elif kind == COUNTER:
                    family = families.CounterMetricFamily(name, "", labels=keys)
                    family.add_metric(values, found["value"])
                else:
                    counts, total = found["value"]
                    family = families.HistogramMetricFamily(name, "", labels=keys)
                    family.add_metric(values, _buckets(counts), total)
                yield family

    def generate_metrics(self) -> tuple[str, str]:
        """The metrics as text, and its content type."""
        try:
            from prometheus_client import CollectorRegistry, exposition
        except ImportError as error:
            raise needs("SeldonMetrics.generate_metrics", "prometheus-client", error) from None
        registry = CollectorRegistry()
        registry.register(self)
        text: str = exposition.generate_latest(registry).decode("utf-8")
        return text, str(exposition.CONTENT_TYPE_LATEST)

    def clear(self) -> None:
        """Forgets the metrics of this worker."""
        with self._lock:
            self.data.pop(self.worker_id_func(), None)

    def _merge_labels(self, worker: str, tags: dict[str, Any]) -> dict[str, str]:
        labels = {**DEFAULT_LABELS, **self._extra_default_labels, **tags, "worker_id": worker}
        return {name: str(value) for name, value in labels.items()}

    @staticmethod
    def _generate_tags_key(tags: dict[str, Any]) -> str:
        return "_".join(f"{name}-{tags[name]}" for name in sorted(tags))

    @staticmethod
    def _update_hist(x: float, vals: list[float], sumv: float) -> tuple[list[float], float]:
        counts = list(vals)
        if x >= 0:
            counts[min(bisect.bisect_right(BINS, x), len(counts)) - 1] += 1
        return counts, sumv + x


def _buckets(counts: list[float]) -> list[tuple[str, float]]:
    """Cumulative counts, each with its upper bound as Prometheus writes it."""
    buckets = []
    total = 0.0
    for bound, count in zip(BINS[1:], counts):
        total += count
        buckets.append(("+Inf" if math.isinf(bound) else repr(float(bound)), total))
    return buckets


__getattr__ = getter(
    globals(),
    {
        "Dict": "typing:Dict",
        "List": "typing:List",
        "np": "numpy",
        "Manager": "multiprocessing:Manager",
        "exposition": "prometheus_client.exposition",
        "CollectorRegistry": "prometheus_client:CollectorRegistry",
        "floatToGoString": "prometheus_client.utils:floatToGoString",
        "CounterMetricFamily": "prometheus_client.core:CounterMetricFamily",
        "GaugeMetricFamily": "prometheus_client.core:GaugeMetricFamily",
        "HistogramMetricFamily": "prometheus_client.core:HistogramMetricFamily",
    },
)
