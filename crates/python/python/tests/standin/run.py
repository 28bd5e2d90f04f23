"""Runs calls, read as JSON from standard input, on the `seldon_core` that is found.

Prints their outcomes as a JSON list. Started with the environment of `ENVIRONMENT`, since some
modules read it when they are imported.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.standin.values import decode, encode

ENVIRONMENT = {
    "PREDICTIVE_UNIT_ID": "unit",
    "PREDICTIVE_UNIT_IMAGE": "registry.example:5000/model:1.2",
    "SELDON_DEPLOYMENT_ID": "deployment",
    "PREDICTOR_ID": "predictor",
    "PREDICTOR_LABELS": '{"version": "v3"}',
}

# Exceptions that a caller can expect; any other is an accident of the implementation.
EXPECTED = (
    "SeldonNotImplementedError",
    "SeldonMicroserviceException",
    "SeldonInvalidMetadataError",
    "RuntimeError",
    "ValueError",
)


def outcome(case: dict[str, Any]) -> Any:
    """What a call returns or raises, encoded; the metrics that it was given as well."""
    module, _, name = case["call"].rpartition(".")
    package = "tests.standin" if module == "scenarios" else "seldon_core"
    arguments = decode(case["args"])
    keywords = {name: decode(value) for name, value in case.get("kwargs", {}).items()}
    try:
        result = getattr(importlib.import_module(f"{package}.{module}"), name)
        if callable(result):
            with mock.patch.dict(os.environ, case.get("env", {})):
                result = result(*arguments, **keywords)
    except Exception as error:
        return {"raises": _description(error)}
    found = {"returns": encode(result)}
    if case.get("digest"):
        content = json.dumps(result, sort_keys=True).encode()
        found = {"returns": hashlib.sha256(content).hexdigest()}
    for argument in arguments:
        if hasattr(argument, "update_reward"):
            # What a collection of metrics holds after the call.
            found["metrics"] = encode(_metrics(argument))
    return found


def _metrics(collection: Any) -> list[Any]:
    data = dict(collection.data)
    held = [[worker, *key, found] for worker, kept in data.items() for key, found in kept.items()]
    return sorted(held, key=str)


def _description(error: Exception) -> Any:
    names = [cls.__name__ for cls in type(error).__mro__]
    name = next((name for name in names if name in EXPECTED), "accident")
    found: dict[str, Any] = {"type": name}
    if name.startswith("Seldon") and hasattr(error, "reason"):
        found["status_code"] = error.status_code  # type: ignore[attr-defined]
        found["reason"] = error.reason
    return found


def main() -> None:
    """Runs all calls of standard input."""
    if "--with-tensorflow" not in sys.argv:
        # It changes what the real package does, and is not there where this is replayed.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    calls = json.load(sys.stdin)
    json.dump([outcome(call) for call in calls], sys.stdout)


if __name__ == "__main__":
    main()
