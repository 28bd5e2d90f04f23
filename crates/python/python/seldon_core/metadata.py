"""Metadata of a model: what it may be, as JSON schemas, and whether it is."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable

from ._lazy import getter
from .metrics import split_image_tag

logger = logging.getLogger(__name__)

MODEL_IMAGE = os.environ.get("PREDICTIVE_UNIT_IMAGE")

# The values of `datatype`.
TENSOR_DATA_TYPES = [
    "BOOL",
    *(f"{kind}{bits}" for kind in ("UINT", "INT") for bits in (8, 16, 32, 64)),
    *(f"FP{bits}" for bits in (16, 32, 64)),
    "BYTES",
]

_ARRAYS = ["tensor", "ndarray", "tftensor"]
_TEXT = {"type": "string"}


def _one_of(names: list[str]) -> dict[str, Any]:
    return {**_TEXT, "enum": names}


def _list_of(kind: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": kind}}


def _object(required: str | None = None, **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": [required]} if required else schema


def _message(kind: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return _object("messagetype", messagetype=kind, **properties)


SELDON_ARRAY_SCHEMA = _message(
    _one_of(_ARRAYS), schema=_object(names=_list_of("string"), shape=_list_of("integer"))
)
SELDON_JSON_SCHEMA = _message(_one_of(["jsonData"]), schema={"type": "object"})
SELDON_STR_SCHEMA = _message(_one_of(["strData"]))
SELDON_BIN_SCHEMA = _message(_one_of(["binData"]))
SELDON_CUSTOM_DEFINITION = _message(
    {**_TEXT, "not": {"enum": [*_ARRAYS, "jsonData", "strData", "binData"]}},
    schema={"type": "object"},
)
METADATA_TENSOR_SCHEMA = _object(
    name=_TEXT, datatype=_one_of(TENSOR_DATA_TYPES), shape=_list_of("integer")
)

INPUTS_OUTPUTS_SCHEMA = {
    "type": "array",
    "items": {
        "anyOf": [
            SELDON_ARRAY_SCHEMA,
            SELDON_JSON_SCHEMA,
            SELDON_STR_SCHEMA,
            SELDON_BIN_SCHEMA,
            SELDON_CUSTOM_DEFINITION,
            METADATA_TENSOR_SCHEMA,
        ]
    },
    "additionalProperties": False,
}

JSON_SCHEMA = _object(
    name=_TEXT,
    versions=_list_of("string"),
    platform=_TEXT,
    inputs=INPUTS_OUTPUTS_SCHEMA,
    outputs=INPUTS_OUTPUTS_SCHEMA,
    custom={"type": "object", "additionalProperties": _TEXT},
)


class SeldonInvalidMetadataError(Exception):
    """The metadata is not what `JSON_SCHEMA` allows."""


def validate_model_metadata(data: dict[str, Any]) -> dict[str, Any]:
    """The metadata with what is missing in it; name and version come from the image."""
    name, version = split_image_tag(MODEL_IMAGE or "")
    metadata = {
        "name": name,
        "versions": [version],
        "platform": "",
        "inputs": [],
        "outputs": [],
        "custom": {},
        **data,
    }
    problem = _problem(metadata, JSON_SCHEMA, "metadata")
    if problem:
        raise SeldonInvalidMetadataError(problem)
    return metadata


def _is_integer(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "object": ("an object", lambda value: isinstance(value, dict)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "string": ("a string", lambda value: isinstance(value, str)),
    "integer": ("a whole number", _is_integer),
}


def _problem(value: Any, schema: dict[str, Any], where: str) -> str | None:
    """What is wrong with the value, in terms of the parts of JSON Schema that are used above."""
    if "type" in schema:
        what, is_one = _TYPES[schema["type"]]
        if not is_one(value):
            return f"{where} must be {what}, not {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"{where} must be one of {', '.join(schema['enum'])}, not {value!r}"
    if "not" in schema and _problem(value, schema["not"], where) is None:
        return f"{where} must be none of {', '.join(schema['not']['enum'])}"
    if "anyOf" in schema:
        problems = [_problem(value, choice, where) for choice in schema["anyOf"]]
        if None not in problems:
            return f"{where} is none of what is allowed: {'; '.join(map(str, problems))}"
    if isinstance(value, dict):
        return _problem_of_object(value, schema, where)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            problem = _problem(item, schema["items"], f"{where}[{index}]")
            if problem:
                return problem
    return None


def _problem_of_object(value: dict[str, Any], schema: dict[str, Any], where: str) -> str | None:
    for name in schema.get("required", ()):
        if name not in value:
            return f"{where} must have {name}"
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        inner = properties.get(name, others)
        if inner is False:
            return f"{where} has {name!r}; allowed are {', '.join(properties)}"
        problem = None if inner is True else _problem(item, inner, f"{where}.{name}")
        if problem:
            return problem
    return None


__getattr__ = getter(
    globals(),
    {
        "Dict": "typing:Dict",
        "json": "json",
        "ValidationError": "jsonschema.exceptions:ValidationError",
        "validate": "jsonschema:validate",
    },
)
