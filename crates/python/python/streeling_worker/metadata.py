"""Validation of a component's metadata: `SeldonModelMetadata` as JSON."""

from __future__ import annotations

from typing import Any

DATATYPES = (
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
)
ARRAYS = ("tensor", "ndarray", "tftensor")
WITHOUT_SCHEMA = ("strData", "binData")


class BadMetadata(Exception):
    """Invalid metadata; the text says what is wrong and what is allowed."""


def defaults(image: str | None) -> dict[str, Any]:
    """The metadata of a component without any: its image's name and version."""
    name, _, version = (image or "").rpartition(":")
    if not name or "/" in version:
        name, version = image or "", ""
    return {
        "name": name,
        "versions": [version],
        "platform": "",
        "inputs": [],
        "outputs": [],
        "custom": {},
    }


def build(own: Any, overlay: dict[str, Any] | None, image: str | None) -> dict[str, Any]:
    """Defaults, then the component's metadata, then the deployment's, key by key.

    Raises `BadMetadata`.
    """
    metadata = defaults(image)
    if isinstance(own, dict):
        metadata.update(own)
    if overlay:
        metadata.update(overlay)
    validate(metadata)
    return metadata


def columns(metadata: dict[str, Any] | None) -> list[str]:
    """The names of the columns of the one input, or of the inputs that are columns; else none."""
    inputs = (metadata or {}).get("inputs") or []
    if len(inputs) == 1 and inputs[0].get("messagetype") in ARRAYS:
        return list(inputs[0].get("schema", {}).get("names", []))
    if len(inputs) > 1 and all(_is_column(tensor) for tensor in inputs):
        return [tensor["name"] for tensor in inputs]
    return []


def _is_column(tensor: dict[str, Any]) -> bool:
    shape = tensor.get("shape", ())
    return "name" in tensor and len(shape) in (1, 2) and shape[1:] in ([], [1])


def validate(metadata: dict[str, Any]) -> None:
    """Raises `BadMetadata` for the first thing that is not allowed."""
    _keys(metadata, "metadata", ("name", "versions", "platform", "inputs", "outputs", "custom"))
    _text(metadata["name"], "name")
    _texts(metadata["versions"], "versions")
    _text(metadata["platform"], "platform")
    for side in ("inputs", "outputs"):
        _expect(isinstance(metadata[side], list), side, "a list", metadata[side])
        for index, tensor in enumerate(metadata[side]):
            _tensor(tensor, f"{side}[{int(index)}]")
    custom = metadata["custom"]
    _expect(isinstance(custom, dict), "custom", "an object of strings", custom)
    for key, value in custom.items():
        _text(key, "a key of custom")
        _text(value, f"custom.{key}")


def _tensor(tensor: Any, where: str) -> None:
    _expect(isinstance(tensor, dict), where, "an object", tensor)
    if "messagetype" not in tensor:
        _keys(tensor, where, ("name", "datatype", "shape"))
        if "name" in tensor:
            _text(tensor["name"], where + ".name")
        if "datatype" in tensor:
            datatype = tensor["datatype"]
            allowed = isinstance(datatype, str) and datatype in DATATYPES
            _expect(allowed, where + ".datatype", "one of " + ", ".join(DATATYPES), datatype)
        if "shape" in tensor:
            _whole_numbers(tensor["shape"], where + ".shape")
        return
    _keys(tensor, where, ("messagetype", "schema"))
    kind = tensor["messagetype"]
    _text(kind, where + ".messagetype")
    if "schema" not in tensor:
        return
    schema, where = tensor["schema"], where + ".schema"
    if kind in WITHOUT_SCHEMA:
        raise BadMetadata(f"{where} is not allowed for messagetype {kind}")
    _expect(isinstance(schema, dict), where, "an object", schema)
    if kind in ARRAYS:
        _keys(schema, where, ("names", "shape"))
        if "names" in schema:
            _texts(schema["names"], where + ".names")
        if "shape" in schema:
            _whole_numbers(schema["shape"], where + ".shape")


def _expect(allowed: bool, where: str, what: str, value: Any) -> None:
    if not allowed:
        raise BadMetadata(f"{where} must be {what}, not {value!r}")


def _keys(value: dict[Any, Any], where: str, allowed: tuple[str, ...]) -> None:
    for key in value:
        if key not in allowed:
            raise BadMetadata(
                f"{where} has the unknown key {key!r}; allowed are {', '.join(allowed)}"
            )


def _text(value: Any, where: str) -> None:
    _expect(isinstance(value, str), where, "a string", value)


def _texts(value: Any, where: str) -> None:
    texts = isinstance(value, list) and all(isinstance(item, str) for item in value)
    _expect(texts, where, "a list of strings", value)


def _whole_numbers(value: Any, where: str) -> None:
    allowed = isinstance(value, list) and all(
        (isinstance(number, int) and not isinstance(number, bool))
        or (isinstance(number, float) and number.is_integer())
        for number in value
    )
    _expect(allowed, where, "a list of whole numbers", value)
