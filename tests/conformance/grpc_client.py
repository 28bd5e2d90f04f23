"""Calls a server with seldon-core's own gRPC stubs, and says what came back.

Standard input holds ``{"target": "HOST:PORT", "calls": [...]}``; a call has ``call``
(``Service/Method``) and ``message`` (protobuf JSON) or ``base64`` (bytes sent in place of a
message). Standard output gets a list with one response for each call: ``status`` (the code's
number), ``details`` and, where the status is zero, ``message``, a text of JSON: every field that is
present, numbers of floating point always with a point, bytes as base64.
"""

from __future__ import annotations

import base64
import json
import sys
from typing import Any, Callable

import grpc
from google.protobuf import empty_pb2, json_format, wrappers_pb2  # noqa: F401
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

# Longer than any call takes when all is well, in seconds.
TIMEOUT = 30.0

WRAPPED = "google.protobuf."


def plain(message: Any) -> Any:
    """Give what is present in ``message`` as JSON, and nothing that is absent."""
    kind = message.DESCRIPTOR.full_name
    if kind == WRAPPED + "Value":
        return plain_value(message)
    if kind == WRAPPED + "ListValue":
        return [plain(item) for item in message.values]
    if kind == WRAPPED + "Struct":
        return {key: plain(message.fields[key]) for key in sorted(message.fields)}
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            inner = field.message_type.fields_by_name["value"]
            found[field.name] = {key: plain_field(inner, value[key]) for key in sorted(value)}
        elif field.label == field.LABEL_REPEATED:
            found[field.name] = [plain_field(field, item) for item in value]
        else:
            found[field.name] = plain_field(field, value)
    return found


def plain_value(value: Any) -> Any:
    """Give a ``google.protobuf.Value``; one of no kind is not ``null``."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return {"@kind": None}
    if kind == "null_value":
        return None
    if kind in ("list_value", "struct_value"):
        return plain(getattr(value, kind))
    return getattr(value, kind)


def plain_field(field: Any, value: Any) -> Any:
    """Give one field's value; an enum by its name."""
    if field.message_type is not None:
        return plain(value)
    if field.type == field.TYPE_BYTES:
        return base64.b64encode(value).decode()
    if field.enum_type is not None:
        named = field.enum_type.values_by_number.get(value)
        return value if named is None else named.name
    return value


def method(channel: grpc.Channel, name: str) -> tuple[Callable[..., Any], Any]:
    """Find the stub's callable and the class of its request."""
    service, _, call = name.partition("/")
    stub = getattr(prediction_pb2_grpc, service + "Stub")(channel)
    described = prediction_pb2.DESCRIPTOR.services_by_name[service].methods_by_name[call]
    kind = described.input_type
    module = empty_pb2 if kind.full_name == WRAPPED + "Empty" else prediction_pb2
    return getattr(stub, call), getattr(module, kind.name)


def raw_method(channel: grpc.Channel, name: str) -> Callable[..., Any]:
    """Give a callable that sends bytes as they are; only the response is read as a message."""
    service, _, call = name.partition("/")
    described = prediction_pb2.DESCRIPTOR.services_by_name.get(service)
    known = described.methods_by_name.get(call) if described is not None else None
    response = "SeldonMessage" if known is None else known.output_type.name
    made: Callable[..., Any] = channel.unary_unary(
        f"/seldon.protos.{service}/{call}",
        request_serializer=None,
        response_deserializer=getattr(prediction_pb2, response).FromString,
    )
    return made


def make_call(channel: grpc.Channel, call: dict[str, Any]) -> dict[str, Any]:
    """Make one call and describe what came back."""
    name = call["call"]
    if call.get("base64") is not None:
        send: Callable[..., Any] = raw_method(channel, name)
        message: Any = base64.b64decode(call["base64"])
    else:
        send, kind = method(channel, name)
        message = json_format.ParseDict(call.get("message") or {}, kind())
    try:
        response = send(message, timeout=TIMEOUT)
    except grpc.RpcError as error:
        return {"status": error.code().value[0], "details": error.details()}
    text = json.dumps(plain(response), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {"status": 0, "details": "", "message": text}


def main() -> None:
    """Make the calls of standard input."""
    task = json.load(sys.stdin)
    with grpc.insecure_channel(task["target"]) as channel:
        grpc.channel_ready_future(channel).result(timeout=TIMEOUT)
        json.dump([make_call(channel, call) for call in task["calls"]], sys.stdout)


if __name__ == "__main__":
    main()
