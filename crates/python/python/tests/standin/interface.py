"""The public names of the modules, with the parameters of functions and methods."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

MODULES = (
    "env_utils",
    "flask_utils",
    "imports_helper",
    "metadata",
    "metrics",
    "microservice",
    "proto.prediction_pb2",
    "proto.prediction_pb2_grpc",
    "storage",
    "user_model",
    "utils",
    "version",
)


def public(module: Any) -> list[str]:
    """The names that a module defines itself, and its constants."""
    found = []
    for name, value in vars(module).items():
        own = getattr(value, "__module__", "").endswith(module.__name__[len("seldon_core.") :])
        if (own and not name.startswith("_")) or name.isupper() or name == "__version__":
            found.append(name)
    return sorted(found)


def describe(module: str, names: list[str] | None = None) -> dict[str, Any]:
    """What each name is: by default of all public ones; `None` for one that is not there."""
    loaded = importlib.import_module(f"seldon_core.{module}")
    return {name: _described(loaded, name) for name in (public(loaded) if names is None else names)}


def _described(module: Any, name: str) -> Any:
    try:
        value = getattr(module, name, None)
    except ImportError as error:
        return f"ImportError: {error}"
    if hasattr(value, "DESCRIPTOR"):
        # How a message class is made depends on protobuf's version.
        return "message"
    if inspect.isclass(value):
        methods = {
            name: _parameters(getattr(value, name))
            for name, member in vars(value).items()
            if not name.startswith("_") and callable(getattr(value, name))
        }
        return {"class": methods, "parameters": _parameters(value.__init__)}
    if callable(value):
        return _parameters(value)
    return None if value is None else "constant"


def _parameters(function: Any) -> list[list[Any]] | None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    return [
        [one.name, str(one.kind), None if one.default is one.empty else repr(one.default)]
        for one in parameters
    ]
