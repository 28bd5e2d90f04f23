"""Conversions between messages, JSON and arrays, and a few looks at the environment.

NumPy, protobuf and TensorFlow are imported by the functions that need them.
"""

from __future__ import annotations

import base64
import logging
import os
from typing import Any, Iterable

from . import _arrays
from ._lazy import getter, needs
from ._response import custom_meta, message_response, rest_response
from ._response import get_request_path as get_request_path
from .env_utils import get_image_name as get_image_name
from .env_utils import get_model_name as get_model_name
from .flask_utils import SeldonMicroserviceException
from .imports_helper import _TF_PRESENT
from .user_model import SeldonComponent

logger = logging.getLogger(__name__)


def json_to_seldon_message(message_json: list[Any] | dict[str, Any]) -> Any:
    """A `SeldonMessage` from its JSON."""
    return _parse({} if message_json is None else message_json, "SeldonMessage")


def json_to_feedback(message_json: dict[str, Any]) -> Any:
    """A `Feedback` from its JSON."""
    return _parse(message_json, "Feedback")


def json_to_seldon_messages(message_json: dict[str, Any]) -> Any:
    """A `SeldonMessageList` from its JSON."""
    return _parse(message_json, "SeldonMessageList")


def json_to_seldon_model_metadata(metadata_json: dict[str, Any]) -> Any:
    """A `SeldonModelMetadata` from its JSON; keys that it does not have are left out."""
    known = {} if metadata_json is None else metadata_json
    return _parse(known, "SeldonModelMetadata", ignore_unknown_fields=True)


def _parse(message_json: Any, kind: str, **options: Any) -> Any:
    json_format, prediction_pb2 = _protobuf()
    message = getattr(prediction_pb2, kind)()
    try:
        return json_format.ParseDict(message_json, message, **options)
    except json_format.ParseError as error:
        raise SeldonMicroserviceException(f"the JSON is no {kind}: {error}") from error


def seldon_message_to_json(message_proto: Any) -> dict[str, Any]:
    """A `SeldonMessage` as JSON."""
    return _to_json(message_proto)


def seldon_messages_to_json(message_protos: Any) -> dict[str, Any]:
    """A `SeldonMessageList` as JSON."""
    return _to_json(message_protos)


def feedback_to_json(message_proto: Any) -> dict[str, Any]:
    """A `Feedback` as JSON."""
    return _to_json(message_proto)


def _to_json(message: Any) -> dict[str, Any]:
    json_format, _ = _protobuf()
    found: dict[str, Any] = json_format.MessageToDict(message)
    return found


def _protobuf() -> tuple[Any, Any]:
    try:
        from google.protobuf import json_format
    except ImportError as error:
        raise needs("a message", "protobuf", error) from None
    from .proto import prediction_pb2

    return json_format, prediction_pb2


def get_data_from_proto(request: Any) -> Any:
    """The payload of a `SeldonMessage`: an array, text, bytes, JSON or an `Any`."""
    kind = request.WhichOneof("data_oneof")
    if kind == "data":
        return grpc_datadef_to_array(request.data)
    if kind == "jsonData":
        return _to_json(request.jsonData)
    if kind in ("binData", "strData", "customData"):
        return getattr(request, kind)
    raise SeldonMicroserviceException("Unknown data in SeldonMessage")


def get_meta_from_proto(request: Any) -> dict[str, Any]:
    """The meta of a `SeldonMessage` as JSON."""
    return _to_json(request.meta)


def grpc_datadef_to_array(datadef: Any) -> Any:
    """The array of a `DefaultData`; an empty one where it has none."""
    return _arrays.from_datadef(datadef)


def array_to_grpc_datadef(data_type: str, array: Any, names: Iterable[str] | None = []) -> Any:
    """A `DefaultData` that holds the array as `tensor`, `tftensor`, else as `ndarray`."""
    return _arrays.to_datadef(data_type, array, names)


def array_to_rest_datadef(
    data_type: str,
    array: Any,
    # The real one's signature, which a test compares; it is never changed here.
    names: list[str] | None = [],  # noqa: B006
) -> dict[str, Any]:
    """A `data` object that holds the array as `tensor`, `tftensor`, else as `ndarray`."""
    return _arrays.to_json(data_type, array, names)


def array_to_list_value(array: Any, lv: Any = None) -> Any:
    """The array as a `google.protobuf.ListValue`, in `lv` where that is given."""
    return _arrays.to_list_value(array, lv)


def extract_request_parts(request: Any) -> tuple[Any, dict[str, Any], Any, str]:
    """Payload, meta, `DefaultData`, and the name of the payload's field."""
    return (
        get_data_from_proto(request),
        get_meta_from_proto(request),
        request.data,
        request.WhichOneof("data_oneof"),
    )


def extract_request_parts_json(
    request: dict[str, Any] | list[Any],
) -> tuple[Any, dict[str, Any] | None, Any, str]:
    """Payload, meta, the object `data`, and the name of the payload's field."""
    if not isinstance(request, dict):
        raise SeldonMicroserviceException(f"a request must be a JSON object, not {request!r}")
    meta = request.get("meta")
    if "data" in request:
        datadef = request["data"]
        return _arrays.from_json(datadef), meta, datadef, "data"
    for kind in ("jsonData", "strData", "binData", "customData"):
        if kind in request:
            payload = request[kind]
            if kind == "binData":
                payload = base64.b64decode(payload)
            return payload, meta, None, kind
    raise SeldonMicroserviceException(
        "a request must have one of data, jsonData, strData, binData and customData, "
        f"not {', '.join(map(str, request)) or 'nothing'}"
    )


def extract_feedback_request_parts(request: Any) -> tuple[Any, Any, Any, float]:
    """The `DefaultData` of the request, its array, the array of the truth, and the reward."""
    datadef = request.request.data
    truth = grpc_datadef_to_array(request.truth.data)
    return datadef, grpc_datadef_to_array(datadef), truth, request.reward


def construct_response(
    user_model: SeldonComponent,
    is_request: bool,
    client_request: Any,
    client_raw_response: Any,
    meta: dict[str, Any] | None = None,
    custom_metrics: list[dict[str, Any]] | None = None,
    runtime_tags: dict[str, Any] | None = None,
) -> Any:
    """The `SeldonMessage` around what a component returned for another one."""
    own = custom_meta(user_model, meta, custom_metrics, runtime_tags)
    return message_response(user_model, is_request, client_request, client_raw_response, own)


def construct_response_json(
    user_model: SeldonComponent,
    is_request: bool,
    client_request_raw: list[Any] | dict[str, Any],
    client_raw_response: Any,
    meta: dict[str, Any] | None = None,
    custom_metrics: list[dict[str, Any]] | None = None,
    runtime_tags: dict[str, Any] | None = None,
) -> list[Any] | dict[str, Any]:
    """The message as JSON around what a component returned for another one."""
    own = custom_meta(user_model, meta, custom_metrics, runtime_tags)
    return rest_response(user_model, is_request, client_request_raw, client_raw_response, own)


def getenv(*env_vars: str, default: Any = None) -> Any:
    """The first of these variables that is set."""
    return next((os.environ[name] for name in env_vars if name in os.environ), default)


def getenv_as_bool(*env_vars: str, default: Any = False) -> Any:
    """Whether the first of these variables that is set is `1` or `true`."""
    value = getenv(*env_vars)
    return default if value is None else value.lower() in ("1", "true")


def setup_tracing(interface_name: str) -> Any:
    """The tracer of jaeger_client, configured by its own variables."""
    try:
        from jaeger_client import Config
    except ImportError as error:
        raise needs("setup_tracing", "jaeger-client", error) from None
    file = os.environ.get("JAEGER_CONFIG_PATH")
    if file:
        import yaml

        with open(file) as opened:  # noqa: PTH123
            settings = yaml.safe_load(opened)
    else:
        sampler = {"type": os.environ.get("JAEGER_SAMPLER_TYPE", "const")}
        sampler["param"] = os.environ.get("JAEGER_SAMPLER_PARAM", "1")
        agent = {
            "reporting_host": os.environ.get("JAEGER_AGENT_HOST", "0.0.0.0"),
            "reporting_port": os.environ.get("JAEGER_AGENT_PORT", "5775"),
        }
        settings = {"sampler": sampler, "local_agent": agent, "logging": True}
    return Config(config=settings, service_name=interface_name, validate=True).initialize_tracer()


_TENSORFLOW = {
    "tf": "tensorflow",
    "TensorProto": "seldon_core.proto.tensorflow.core.framework.tensor_pb2:TensorProto",
}

__getattr__ = getter(
    globals(),
    {
        "ENV_MODEL_IMAGE": "seldon_core.env_utils:ENV_MODEL_IMAGE",
        "ENV_MODEL_NAME": "seldon_core.env_utils:ENV_MODEL_NAME",
        "NONIMPLEMENTED_IMAGE_MSG": "seldon_core.env_utils:NONIMPLEMENTED_IMAGE_MSG",
        "NONIMPLEMENTED_MSG": "seldon_core.env_utils:NONIMPLEMENTED_MSG",
        "client_class_names": "seldon_core.user_model:client_class_names",
        "client_custom_tags": "seldon_core.user_model:client_custom_tags",
        "client_feature_names": "seldon_core.user_model:client_feature_names",
        "Dict": "typing:Dict",
        "List": "typing:List",
        "Optional": "typing:Optional",
        "Tuple": "typing:Tuple",
        "Union": "typing:Union",
        "json": "json",
        "sys": "sys",
        "np": "numpy",
        "any_pb2": "google.protobuf.any_pb2",
        "json_format": "google.protobuf.json_format",
        "ListValue": "google.protobuf.struct_pb2:ListValue",
        "MessageToDict": "google.protobuf.json_format:MessageToDict",
        "ParseDict": "google.protobuf.json_format:ParseDict",
        "prediction_pb2": "seldon_core.proto.prediction_pb2",
        **(_TENSORFLOW if _TF_PRESENT else {}),
    },
)
