"""Reads documents from stdin, each behind its length; says in a line what comes of each."""

from __future__ import annotations

import json
import struct
import sys
from typing import Any

import numpy as np


def outcome(raw: bytes) -> str:
    try:
        document = json.loads(raw.decode("utf-8-sig"))
    except ValueError:
        return "no JSON"
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        return "something else"
    tensor = data.get("tensor")
    try:
        if isinstance(tensor, dict):
            array = np.array(tensor["values"]).reshape(tensor["shape"])
        elif "ndarray" in data and "tensor" not in data:
            array = np.array(data["ndarray"])
        elif "tensor" in data or "tftensor" in data:
            return "something else"
        else:
            # The wire contract: `data` without an array in it is an empty one.
            array = np.array([])
            return f"array {array.dtype} 0 "
    except (ValueError, TypeError, KeyError, OverflowError):
        return "numpy refuses"
    if not isinstance(tensor["values"] if tensor else data["ndarray"], list):
        return "numpy takes what is no list"
    if tensor and not plain(tensor["shape"]):
        return "numpy takes the shape"
    if array.dtype.name not in ("bool", "int64", "float64") or mixed(data):
        return f"numpy {array.dtype}"
    sides = ",".join(map(str, array.shape))
    return f"array {array.dtype} {sides} {array.tobytes().hex()}"


def plain(shape: object) -> bool:
    """Whether a shape is a list of sides, none of which is to be found by NumPy."""
    return isinstance(shape, list) and all(type(side) is int and side >= 0 for side in shape)


def mixed(data: dict[str, Any]) -> bool:
    """Whether booleans stand among numbers, or numbers are too big: what is passed on as text."""
    kinds = set()

    def walk(value: object) -> None:
        if isinstance(value, list):
            for item in value:
                walk(item)
        elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
            kinds.update((bool, int) if value != -(2**63) else (int,))
        else:
            kinds.add(bool if isinstance(value, bool) else int)

    walk(data["tensor"]["values"] if "tensor" in data else data["ndarray"])
    return len(kinds) > 1


def main() -> None:
    stream = sys.stdin.buffer
    while header := stream.read(4):
        sys.stdout.write(outcome(stream.read(struct.unpack("<I", header)[0])) + "\n")


main()
