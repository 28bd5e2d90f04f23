"""Metrics that a component reports, as dictionaries."""

from __future__ import annotations

from typing import Any

COUNTER = "COUNTER"
GAUGE = "GAUGE"
TIMER = "TIMER"


def create_counter(key: str, value: float) -> dict[str, Any]:
    """A metric that is added to the value before."""
    return _create(COUNTER, key, value)


def create_gauge(key: str, value: float) -> dict[str, Any]:
    """A metric that replaces the value before."""
    return _create(GAUGE, key, value)


def create_timer(key: str, value: float) -> dict[str, Any]:
    """A duration in milliseconds."""
    return _create(TIMER, key, value)


def validate_metrics(metrics: Any) -> bool:
    """Whether it is a list of valid metrics."""
    return isinstance(metrics, list) and all(
        isinstance(metric, dict)
        and metric.get("type") in (COUNTER, GAUGE, TIMER)
        and "key" in metric
        and isinstance(metric.get("value"), (int, float))
        for metric in metrics
    )


def _create(kind: str, key: str, value: float) -> dict[str, Any]:
    metric = {"key": key, "type": kind, "value": value}
    if not validate_metrics([metric]):
        raise ValueError(f"the value of metric {key!r} must be a number, not {value!r}")
    return metric
