"""Exceptions as the JSON of an `error` frame."""

from __future__ import annotations

import contextlib
import logging
import traceback
from types import TracebackType
from typing import Callable

# Characters of an exception's text that leave the worker, and of its traceback.
LONGEST = 1 << 16
LONGEST_TRACE = 4 * LONGEST
# And of the JSON that an exception writes itself.
LONGEST_BODY = 1 << 20

# What a component has where it handles its own errors: a blueprint of Flask's.
HANDLERS = "model_error_handler"


class BadData(Exception):
    """The payload of the request, or of the component's response, is of a wrong type or shape."""


class TooMuch(BadData):
    """The payload of the request would take more memory than it may."""


class BadMetric(Exception):
    """The component reported an invalid metric."""


class GivenUp(BaseException):
    """The request's deadline has passed, or its caller has left, while the component awaited
    something. No error handler of the component's is for that."""


class Declined(Exception):
    """The component does not take the request in this form; the server sends it in plain form."""


def descends(error: BaseException, name: str) -> bool:
    """Whether a class called `name` is among the ancestors: the real package's or ours."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def not_implemented(error: BaseException) -> bool:
    """Whether the component declines the call."""
    return isinstance(error, Declined) or descends(error, "SeldonNotImplementedError")


def clean(text: str) -> str:
    """The text as it can be sent: not too long, and half of a surrogate pair, which no UTF-8 has,
    written as an escape."""
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}… ({len(text) - LONGEST} characters more)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def text(error: BaseException) -> str:
    """The exception's own text, cleaned; the name of its class when even that fails."""
    try:
        return clean(_text(error))
    except Exception:
        return type(error).__name__


def _text(error: BaseException) -> str:
    message = getattr(error, "message", None)
    if descends(error, "SeldonMicroserviceException") and isinstance(message, str):
        return message
    if isinstance(error, Exception):
        return str(error)
    return (f"{type(error).__name__}: {error}").rstrip(": ")


def trace(error: BaseException) -> str:
    """The traceback as Python prints it, from the first frame that is not the worker's own; of one
    that is too long the middle is left out."""
    tb: TracebackType | None = error.__traceback__
    while tb is not None and _own(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        pieces = traceback.format_exception(type(error), error, tb)
        # The last one has the text of the exception.
        whole = "".join(clean(piece.rstrip("\n")) + "\n" for piece in pieces)
        missing = len(whole) - LONGEST_TRACE
        if missing > 0:
            half = LONGEST_TRACE // 2
            whole = f"{whole[:half]}\n… ({missing} characters left out)\n{whole[-half:]}"
        return whole
    except Exception:
        return type(error).__name__ + "\n"


def describe(
    error: BaseException, to_json: Callable[[object], bytes] | None = None
) -> dict[str, object]:
    """The JSON of an `error` frame; `to_json` writes what an exception has as its own body."""
    kind = "component"
    reason = status = code = body = None
    if isinstance(error, BadData):
        kind = "bad_data"
    elif isinstance(error, BadMetric):
        kind = "bad_metric"
    elif isinstance(error, GivenUp):
        return frame("deadline", str(error))
    elif descends(error, "SeldonMicroserviceException"):
        status = _integer(getattr(error, "status_code", None))
        code = _integer(getattr(error, "code", None))
        reason = getattr(error, "reason", None)
        reason = clean(reason) if isinstance(reason, str) else None
        if to_json is not None:
            body = _own_body(error, to_json)
    return {
        "kind": kind,
        "info": text(error),
        "reason": reason,
        "status": status if status is not None and 100 <= status <= 999 else None,
        "code": code if code is not None and -(2**31) <= code < 2**31 else None,
        "grpc_status": grpc_status(error),
        # What the worker itself refuses was not raised in the component.
        "traceback": trace(error) if kind == "component" else None,
        "body": body,
        "is_beyond_decoded": isinstance(error, TooMuch),
    }


def frame(kind: str, info: str) -> dict[str, object]:
    """The JSON of an `error` frame that says nothing more."""
    rest = ("reason", "status", "code", "grpc_status", "traceback", "body")
    return {"kind": kind, "info": info, **dict.fromkeys(rest)}


def nameless(error: BaseException, problem: BaseException) -> dict[str, object]:
    """The JSON of an `error` frame for an exception that cannot be described itself."""
    names = f"{type(error).__name__} (its description raised {type(problem).__name__})"
    return frame("component", names)


def _own_body(error: BaseException, to_json: Callable[[object], bytes]) -> str | None:
    """JSON of what a subclass of `SeldonMicroserviceException` writes in its own `to_dict`."""
    for cls in type(error).__mro__:
        if "to_dict" in vars(cls):
            break
    else:
        return None
    if cls.__name__ == "SeldonMicroserviceException":
        return None
    try:
        # One of its classes has the method.
        body = to_json(error.to_dict())  # type: ignore[attr-defined]
        if len(body) > LONGEST_BODY:
            raise ValueError(f"it has {len(body)} bytes, {LONGEST_BODY} are allowed")
        return body.decode("ascii")
    except Exception as problem:
        _log.warning("to_dict of %s is ignored: %s", type(error).__name__, clean(repr(problem)))
        return None


def grpc_status(error: BaseException) -> int | None:
    """The gRPC status that the exception chooses, as a number from 1 to 16.

    Its attribute `grpc_status` is such a number, a name such as `NOT_FOUND`, or a member of
    `grpc.StatusCode`.
    """
    value = getattr(error, "grpc_status", None)
    if value is None:
        return None
    found = value
    if isinstance(found, str):
        found = _GRPC_STATUS.get(found)
    elif isinstance(getattr(found, "value", None), tuple):
        # A member of `grpc.StatusCode`, recognised without importing `grpc`.
        found = next(iter(found.value), None)
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= 16:
        return int(found)
    _log.warning(
        "the grpc_status %s of %s is ignored: allowed are 1 to 16, their names "
        "and the members of grpc.StatusCode but OK",
        clean(repr(value)),
        type(error).__name__,
    )
    return None


def _integer(value: object) -> int | None:
    # Some digits are no number, and too many of them none that Python reads.
    with contextlib.suppress(ValueError):
        if isinstance(value, str) and value.isdigit():
            return int(value)
    return int(value) if isinstance(value, int) else None


def _own(file: str) -> bool:
    return file.startswith(_OWN_FOLDER)


_GRPC_STATUS = {
    name: number
    for number, name in enumerate(
        (
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ),
        start=1,
    )
}
_log = logging.getLogger("streeling")

# Not `__file__`: modules that come from memory have none.
_OWN_FOLDER = _own.__code__.co_filename[: -len("errors.py")]
