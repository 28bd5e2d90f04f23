"""The metrics that a component reports: what is counted, and what the response says of them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from . import protocol
from .errors import BadMetric

TYPES = ("COUNTER", "GAUGE", "TIMER")
# What metrics and responses call a method.
LABELS = {
    protocol.PREDICT: "predict",
    protocol.TRANSFORM_INPUT: "inputtransform",
    protocol.TRANSFORM_OUTPUT: "outputtransform",
    protocol.ROUTE: "router",
    protocol.AGGREGATE: "aggregate",
    protocol.SEND_FEEDBACK: "feedback",
}
_KEYS = {"type", "key", "value", "tags"}


def checked(metrics: Any) -> list[dict[str, Any]]:
    """The metrics as they are, or `BadMetric`."""
    if not isinstance(metrics, list) or not all(map(_good, metrics)):
        raise _bad(metrics)
    return metrics


def says_more(metric: dict[Any, Any]) -> bool:
    """Whether a metric is not the same once it has been sent."""
    return (
        isinstance(metric["value"], bool)
        or not _KEYS.issuperset(metric)
        or _text(metric["key"]) != metric["key"]
        or any(_text(tag) != tag for pair in metric.get("tags", {}).items() for tag in pair)
    )


def labelled(metric: dict[Any, Any], label: str) -> dict[Any, Any]:
    """A metric as a response repeats it."""
    if not isinstance(metric.get("tags"), dict):
        return metric
    return {**metric, "tags": {**metric["tags"], "method": label}}


def of_raw(metrics: list[Any]) -> list[dict[str, Any]]:
    """Those metrics in a raw response that count; the component may write others as well."""
    counted = []
    for metric in metrics:
        if not isinstance(metric, dict) or "key" not in metric or "value" not in metric:
            raise _bad(metrics)
        metric = {"type": "COUNTER", **metric}
        if metric["type"] == "GAUGE" and isinstance(metric["value"], str):
            # A gauge alone may be text.
            with contextlib.suppress(ValueError):
                metric["value"] = float(metric["value"])
        if _good(metric):
            counted.append(sent(metric))
    return counted


def _bad(metrics: Any) -> BadMetric:
    return BadMetric("Bad metric created during request: " + json.dumps(metrics, default=repr))


def _good(metric: Any) -> bool:
    return (
        isinstance(metric, dict)
        and metric.get("type") in TYPES
        and "key" in metric
        and isinstance(metric.get("value"), (int, float))
    )


def sent(metric: dict[str, Any]) -> dict[str, Any]:
    """A metric as the server counts it."""
    value = metric["value"]
    typed: dict[str, Any] = {
        "type": metric["type"],
        "key": _text(metric["key"]),
        "value": int(value) if isinstance(value, bool) else value,
    }
    if "tags" in metric:
        tags = metric["tags"]
        if not isinstance(tags, dict):
            raise TypeError(f"{type(tags).__name__!r} object does not support item assignment")
        typed["tags"] = {_text(key): _text(tag) for key, tag in tags.items()}
    return typed


def _text(value: Any) -> str:
    """Text that can be sent: halves of surrogate pairs are escapes."""
    return str(value).encode("utf-8", "backslashreplace").decode()
