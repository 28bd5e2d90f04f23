"""The message around what a component returned."""

from __future__ import annotations

import base64
from typing import Any

from . import _arrays
from .env_utils import NONIMPLEMENTED_MSG, get_image_name, get_model_name
from .flask_utils import SeldonMicroserviceException
from .user_model import (
    SeldonComponent,
    client_class_names,
    client_custom_tags,
    client_feature_names,
)


def message_response(
    user_model: SeldonComponent,
    is_request: bool,
    request: Any,
    returned: Any,
    meta: dict[str, Any],
) -> Any:
    """A `SeldonMessage`; `meta` is the JSON of its meta."""
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.json_format import ParseDict

    from .proto import prediction_pb2

    built = prediction_pb2.Meta()
    ParseDict(meta, built)
    if request.meta.puid:
        built.puid = request.meta.puid
    if isinstance(returned, (list, *_array_types())):
        array = _arrays.numpy().array(returned) if isinstance(returned, list) else returned
        has_data = request.WhichOneof("data_oneof") == "data"
        requested = request.data.WhichOneof("data_oneof") if has_data else None
        names = (
            client_feature_names(user_model, request.data.names)
            if is_request
            else client_class_names(user_model, array)
        )
        data = _arrays.to_datadef(_kind(array, has_data, {requested}), array, names)
        return prediction_pb2.SeldonMessage(data=data, meta=built)
    if isinstance(returned, str):
        return prediction_pb2.SeldonMessage(strData=returned, meta=built)
    if isinstance(returned, dict):
        message = prediction_pb2.SeldonMessage(meta=built)
        ParseDict(returned, message.jsonData)
        return message
    if isinstance(returned, (bytes, bytearray)):
        return prediction_pb2.SeldonMessage(binData=bytes(returned), meta=built)
    if isinstance(returned, AnyMessage):
        return prediction_pb2.SeldonMessage(customData=returned, meta=built)
    raise _unknown(returned)


def rest_response(
    user_model: SeldonComponent,
    is_request: bool,
    request: Any,
    returned: Any,
    meta: dict[str, Any],
) -> dict[str, Any]:
    """A message as JSON; `meta` is what it has of its own."""
    response: dict[str, Any] = {}
    if isinstance(returned, dict):
        response["jsonData"] = returned
    elif isinstance(returned, (bytes, bytearray)):
        response["binData"] = base64.b64encode(returned).decode("utf-8")
    elif isinstance(returned, str):
        response["strData"] = returned
    elif isinstance(returned, (list, *_array_types())):
        response["data"] = _rest_data(user_model, is_request, request, returned)
    else:
        raise _unknown(returned)
    puid = request.get("meta", {}).get("puid")
    response["meta"] = {**meta, "puid": puid} if puid else meta
    return response


def _rest_data(
    user_model: SeldonComponent, is_request: bool, request: dict[str, Any], returned: Any
) -> dict[str, Any]:
    array = _arrays.numpy().array(returned) if isinstance(returned, list) else returned
    requested = request.get("data")
    kind = _kind(array, requested is not None, requested or {})
    data: dict[str, Any]
    if kind == "tensor":
        data = {"tensor": {"values": array.ravel().tolist(), "shape": array.shape}}
    elif kind == "tftensor":
        data = {"tftensor": _arrays.to_tftensor_json(array)}
    else:
        data = {"ndarray": returned if isinstance(returned, list) else array.tolist()}
    if is_request:
        data["names"] = client_feature_names(user_model, (requested or {}).get("names", []))
    else:
        data["names"] = client_class_names(user_model, array)
    return data


def _kind(array: Any, has_data: bool, requested: Any) -> str:
    """How an array is written: as the request's was, where it can be."""
    np = _arrays.numpy()
    if not np.issubdtype(array.dtype, np.number):
        return "ndarray"
    if not has_data:
        return "tensor"
    return next((kind for kind in ("tensor", "tftensor") if kind in requested), "ndarray")


def custom_meta(
    user_model: SeldonComponent,
    meta: dict[str, Any] | None,
    custom_metrics: list[dict[str, Any]] | None,
    runtime_tags: dict[str, Any] | None,
) -> dict[str, Any]:
    """What a message's meta has beside the id of its request."""
    meta = meta or {}
    tags = {**(meta.get("tags") or {}), **(client_custom_tags(user_model) or {})}
    tags.update(runtime_tags or {})
    found = {
        "tags": tags,
        "metrics": [*(meta.get("metrics") or []), *(custom_metrics or [])],
        "requestPath": {**get_request_path(), **(meta.get("requestPath") or {})},
    }
    return {name: value for name, value in found.items() if value}


def get_request_path() -> dict[str, str]:
    """This unit's entry in the path of a request: its name and its image."""
    name, image = get_model_name(), get_image_name()
    return {} if name == NONIMPLEMENTED_MSG else {name: image}


def _array_types() -> tuple[type, ...]:
    """The type of arrays, where there are any."""
    import sys

    # What is not imported has made no array.
    np = sys.modules.get("numpy")
    return () if np is None else (np.ndarray,)


def _unknown(returned: Any) -> SeldonMicroserviceException:
    return SeldonMicroserviceException(
        f"Unknown data type returned as payload (must be list or np array):{returned}"
    )
