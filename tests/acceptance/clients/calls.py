"""What the REST clients in Python have in common: requests, and the responses that Mirror gives."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

REST = os.environ["REST"]

# Path, message, response.
CALLS: list[tuple[str, Any, Any]] = [
    (
        "/predict",
        {"data": {"names": ["a", "b"], "ndarray": [[1.5, 2.0], [3.0, -4.25]]}},
        {"data": {"names": ["t:0", "t:1"], "ndarray": [[1.5, 2.0], [3.0, -4.25]]}, "meta": {}},
    ),
    (
        "/api/v1.0/predictions",
        {"data": {"tensor": {"shape": [2, 1], "values": [1, 2]}}, "meta": {"puid": "p"}},
        {
            "data": {"names": ["t:0"], "tensor": {"shape": [2, 1], "values": [1, 2]}},
            "meta": {"puid": "p"},
        },
    ),
    ("/predict", {"strData": "a text, größer"}, {"strData": "a text, größer", "meta": {}}),
    ("/api/v0.1/predictions", {"binData": "AAEC/w=="}, {"binData": "AAEC/w==", "meta": {}}),
    (
        "/predict",
        {"jsonData": {"a": [1, None, {"b": True}]}},
        {"jsonData": {"a": [1, None, {"b": True}]}, "meta": {}},
    ),
    (
        "/send-feedback",
        {"request": {"data": {"ndarray": [[1]]}}, "response": {"strData": "b"}, "reward": 0.5},
        {"strData": "received"},
    ),
    ("/transform-input", {"data": {"ndarray": ["a"]}}, {"data": {"names": [], "ndarray": ["a"]}}),
]

# A field that is text, and a file.
FILE = bytes(range(256))
FILE_RESPONSE = {
    "binData": (
        "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0BB"
        "QkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5fYGFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKD"
        "hIWGh4iJiouMjY6PkJGSk5SVlpeYmZqbnJ2en6ChoqOkpaanqKmqq6ytrq+wsbKztLW2t7i5uru8vb6/wMHCw8TF"
        "xsfIycrLzM3Oz9DR0tPU1dbX2Nna29zd3t/g4eLj5OXm5+jp6uvs7e7v8PHy8/T19vf4+fr7/P3+/w=="
    ),
    "meta": {},
}

# More than a socket takes at once.
LARGE = 20_000


def large() -> Iterator[bytes]:
    """Give a large message in parts, whose sum is known."""
    yield b'{"data":{"ndarray":[[0'
    for start in range(1, LARGE, 1000):
        yield b"".join(b",%d" % number for number in range(start, start + 1000))
    yield b"]]}}"


LARGE_RESPONSE = {
    "data": {"names": ["t:0"], "ndarray": [[LARGE * (LARGE + 1) // 2]]},
    "meta": {},
}


def check(what: str, found: Any, expected: Any) -> None:
    """Stop the client if a response is another one; ``meta`` may be left out of ``expected``."""
    if isinstance(expected, dict) and isinstance(found, dict):
        expected = {"meta": {}, **expected}
    if json.dumps(found, sort_keys=True) != json.dumps(expected, sort_keys=True):
        raise SystemExit(f"{what}: expected {expected}, got {found}")
