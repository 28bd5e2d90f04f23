"""Methods that take raw messages: which of them is called, and what the server learns of a result.

The result itself goes out as it is. The server does not look into it: the metrics in it that count,
and the HTTP status that it chooses, stand in the meta of the reply.
"""

from __future__ import annotations

from typing import Any, Callable

from . import metrics, payload, protobuf, protocol
from .event_loop import settled
from .payload import Handler, Item, Reply

_INT32 = 2**31 - 1


def suffixes(number: int, kind: int) -> tuple[str, ...]:
    """What follows a method's name in the names of those that take raw messages of this kind, in
    the order in which they are tried; the deprecated ones come first."""
    if number == protocol.HEALTH_STATUS:
        return ("_raw",) if kind == protocol.MESSAGE else ()
    if number == protocol.PREDICT:
        # Predictions alone choose by the transport.
        return ("_rest", "_raw") if kind == protocol.MESSAGE else ("_grpc", "_raw")
    return ("_rest", "_grpc", "_raw")


def handler(
    method: Callable[..., Any], number: int, kind: int, suffix: str, metrics_in_response: bool
) -> Handler:
    """The handler of raw messages of this kind, which calls `method`."""
    arguments = _arguments(number, kind, suffix)
    # seldon-core counts what is in the responses of these alone.
    counts = suffix == "_raw" and number in metrics.LABELS
    label = metrics.LABELS.get(number, "")
    chooses_status = number == protocol.PREDICT

    def handle(items: list[Item]) -> Reply:
        value, bytes_fields, _, _ = items[0]
        for field in bytes_fields:
            value[field] = value[field].encode()
        result = settled(method(*arguments(value)))
        if number == protocol.SEND_FEEDBACK and protobuf.full_name(result) is None:
            # Feedback is protobuf, whatever it came as.
            result = protobuf.response_from(result)
        about: dict[str, Any] = {}
        name = protobuf.full_name(result)
        if name is None:
            if isinstance(result, dict):
                if chooses_status:
                    _add_status(about, result)
                if counts:
                    result = _count(about, result, label, metrics_in_response)
            sent, body = protocol.MESSAGE, payload.to_json(result)
        elif name == protobuf.MESSAGE:
            if counts:
                result = _count_protobuf(about, result, metrics_in_response)
            if kind == protocol.MESSAGE:
                sent, body = protocol.MESSAGE, payload.to_json(protobuf.as_json(result))
            else:
                sent, body = protocol.PROTOBUF, result.SerializeToString()
        else:
            raise TypeError(f"a raw response must be a {protobuf.MESSAGE}, not a {name}")
        return (sent, 0, (), body), b"", payload.to_json(about) if about else b""

    return handle


def _arguments(number: int, kind: int, suffix: str) -> Callable[[Any], tuple[Any, ...]]:
    """What the method is called with, given the body of the item."""
    if number == protocol.HEALTH_STATUS:
        return lambda value: ()
    if number == protocol.SEND_FEEDBACK:
        read = (
            protobuf.feedback_from
            if kind == protocol.MESSAGE
            else lambda value: protobuf.request_from(number, value)
        )
        if suffix == "_rest":
            # The one deprecated method that is given text instead of a message.
            return lambda value: (protobuf.text(read(value)),)
        return lambda value: (read(value),)
    if kind == protocol.MESSAGE:
        return lambda value: (value,)
    return lambda value: (protobuf.request_from(number, value),)


def _add_status(about: dict[str, Any], response: dict[Any, Any]) -> None:
    status = response.get("status")
    code = status.get("code") if isinstance(status, dict) else None
    if isinstance(code, str):
        # As in "404 NOT FOUND".
        words = code.split(None, 1)
        code = int(words[0]) if words and words[0].isdigit() else None
    if isinstance(code, int) and not isinstance(code, bool):
        about["status"] = max(-_INT32, min(code, _INT32))


def _count(
    about: dict[str, Any], response: dict[Any, Any], label: str, metrics_in_response: bool
) -> dict[Any, Any]:
    """Notes the metrics of a response; returns the response as it is to be sent."""
    meta = response.get("meta")
    if not isinstance(meta, dict):
        return response
    own = meta.get("metrics")
    if not own or not isinstance(own, list):
        return response
    counted = metrics.of_raw(own)
    if counted:
        about["metrics"] = counted
    # The component may return the same objects again, so they are not changed.
    meta = dict(meta)
    if metrics_in_response:
        meta["metrics"] = [metrics.labelled(metric, label) for metric in own]
    else:
        del meta["metrics"]
    return {**response, "meta": meta}


def _count_protobuf(about: dict[str, Any], response: Any, metrics_in_response: bool) -> Any:
    """The same for a protobuf message, in which the method is not added to the tags."""
    if not response.meta.metrics:
        return response
    counted = metrics.of_raw(list(map(protobuf.metric, response.meta.metrics)))
    if counted:
        about["metrics"] = counted
    if not metrics_in_response:
        copy = type(response)()
        copy.CopyFrom(response)
        del copy.meta.metrics[:]
        response = copy
    return response
