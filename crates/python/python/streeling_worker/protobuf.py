"""Protobuf messages for the component, made with the libraries that are installed beside it.

The worker itself needs none of them, and imports them only when a request needs them.
"""

from __future__ import annotations

import struct
from typing import Any

from . import protocol
from .errors import BadData
from .protocol import ProtocolError

MESSAGE = "seldon.protos.SeldonMessage"
ANY = "google.protobuf.Any"

_MESSAGES = {
    protocol.AGGREGATE: "SeldonMessageList",
    protocol.SEND_FEEDBACK: "Feedback",
}
_LENGTH = struct.Struct("<I")


def any_from(body: bytes) -> Any:
    """`customData` as the component gets it, a `google.protobuf.Any`."""
    if len(body) < 4 or _LENGTH.unpack_from(body)[0] > len(body) - 4:
        raise ProtocolError("a custom item is shorter than its type URL")
    after = 4 + _LENGTH.unpack_from(body)[0]
    try:
        from google.protobuf.any_pb2 import Any as AnyMessage
    except ImportError as error:
        raise BadData(
            "customData reaches a component as a google.protobuf.Any: "
            f"install the package protobuf beside it ({error})"
        ) from None
    return AnyMessage(type_url=body[4:after].decode(), value=body[after:])


def any_to(value: Any) -> bytes:
    """The body of a custom item; `value` is a `google.protobuf.Any`."""
    name: bytes = value.type_url.encode()
    content: bytes = value.value
    return _LENGTH.pack(len(name)) + name + content


def full_name(value: Any) -> str | None:
    """The name of a protobuf message's type, `None` for anything else."""
    name = getattr(getattr(type(value), "DESCRIPTOR", None), "full_name", None)
    return name if isinstance(name, str) and hasattr(value, "SerializeToString") else None


def request_from(method: int, body: bytes) -> Any:
    """A raw message: `SeldonMessage`, `SeldonMessageList` or `Feedback`, by its method."""
    message = _new(_MESSAGES.get(method, "SeldonMessage"))
    from google.protobuf.message import DecodeError

    try:
        message.ParseFromString(body)
    except DecodeError as error:
        raise BadData(str(error)) from None
    return message


def feedback_from(value: Any) -> Any:
    """A `Feedback` of what came as JSON."""
    message = _new("Feedback")
    from google.protobuf.json_format import ParseDict

    # Beside its own error the parser has those of code that looks for fields in what has none.
    try:
        return ParseDict(value, message)
    except Exception as error:
        raise BadData(f"Invalid JSON: {error}") from None


def response_from(value: Any) -> Any:
    """A `SeldonMessage` of what a method returned; `None` is an empty one."""
    message = _new("SeldonMessage")
    from google.protobuf.json_format import ParseDict

    return ParseDict({} if value is None else value, message)


def _new(name: str) -> Any:
    try:
        from seldon_core.proto import prediction_pb2
    except ImportError as error:
        raise BadData(
            "a method that takes raw messages of protobuf needs the package protobuf "
            f"beside the component ({error})"
        ) from None
    return getattr(prediction_pb2, name)()


def metric(message: Any) -> dict[str, Any]:
    """A metric in a message as a component writes it in a dict."""
    from google.protobuf.json_format import MessageToDict

    # What has its default value is left out there.
    return {"key": "", "value": 0.0, **MessageToDict(message)}


def as_json(message: Any) -> dict[str, Any]:
    """A message as the object that protobuf makes of it."""
    from google.protobuf.json_format import MessageToDict

    found: dict[str, Any] = MessageToDict(message)
    return found


def text(message: Any) -> str:
    """A message as the JSON text that protobuf makes of it."""
    from google.protobuf.json_format import MessageToJson

    json: str = MessageToJson(message)
    return json
