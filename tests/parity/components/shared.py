"""What the generated classes of the parity run share; each imports all of it."""

from __future__ import annotations

import functools
import zlib
from typing import Any, Callable

import numpy as np
from seldon_core.flask_utils import SeldonMicroserviceException
from seldon_core.user_model import SeldonComponent, SeldonNotImplementedError, SeldonResponse

__all__ = [
    "Polite",
    "SeldonComponent",
    "SeldonMicroserviceException",
    "SeldonNotImplementedError",
    "SeldonResponse",
    "Teapot",
    "describe",
    "fail",
    "functools",
    "hidden",
    "np",
    "pick",
    "positional",
    "wrapped",
]


class Teapot(SeldonMicroserviceException):
    """Has a status of its own."""

    status_code = 418


class Polite(SeldonMicroserviceException):
    """Has a status and a body of its own."""

    status_code = 451

    def to_dict(self) -> dict[str, Any]:
        return {"sorry": self.message, "code": [self.status_code]}


def describe(value: Any) -> Any:
    """Say of which type ``value`` is and what it holds, as JSON that both servers write alike."""
    kind = type(value).__name__
    if isinstance(value, np.ndarray):
        return {
            "type": kind,
            "dtype": value.dtype.str,
            "shape": list(value.shape),
            "items": [repr(item) for item in value.ravel().tolist()],
        }
    if hasattr(value, "SerializeToString"):
        return {"type": kind, "bytes": value.SerializeToString(deterministic=True).hex()}
    if kind in ("RepeatedScalarContainer", "RepeatedScalarFieldContainer"):
        # Protobuf's own list behaves as one, and a component gets either.
        kind, value = "list", list(value)
    if isinstance(value, (list, tuple)):
        return {"type": kind, "items": [describe(item) for item in value]}
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: repr(item[0]))
        return {"type": kind, "items": [[repr(key), describe(item)] for key, item in items]}
    return {"type": kind, "repr": repr(value)}


def pick(value: Any, choices: list[Callable[[], Any]]) -> Any:
    """Call one of ``choices``, always the same for the same ``value``."""
    text = repr(describe(value)).encode("utf-8", "backslashreplace")
    return choices[zlib.crc32(text) % len(choices)]()


def fail(error: BaseException) -> Any:
    """Raise ``error``, as an expression."""
    raise error


def wrapped(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate as most people do: any arguments, the name and the signature of the inner one."""

    @functools.wraps(method)
    def outer(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return outer


def hidden(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate so that nothing of the inner signature can be seen."""

    def outer(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    return outer


def positional(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate with positional arguments alone, under the signature of the inner one."""

    @functools.wraps(method)
    def outer(*args: Any) -> Any:
        return method(*args)

    return outer
