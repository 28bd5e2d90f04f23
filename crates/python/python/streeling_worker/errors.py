"""What an exception becomes on the wire."""

from __future__ import annotations

import traceback
from types import TracebackType


class BadData(Exception):
    """The payload does not fit: of the request, or of the component's answer."""


class BadMetric(Exception):
    """The component reported a metric that is none."""


def descends(error: BaseException, name: str) -> bool:
    """Whether a class called `name` is among the ancestors: the real package's or the shim's."""
    return any(cls.__name__ == name for cls in type(error).__mro__)


def not_implemented(error: BaseException) -> bool:
    """Whether the component declines the call."""
    return descends(error, "SeldonNotImplementedError")


def text(error: BaseException) -> str:
    """The exception's own text; the name of its class when even that fails."""
    try:
        message = getattr(error, "message", None)
        if descends(error, "SeldonMicroserviceException") and isinstance(message, str):
            return message
        if isinstance(error, Exception):
            return str(error)
        return (f"{type(error).__name__}: {error}").rstrip(": ")
    except Exception:
        return type(error).__name__


def trace(error: BaseException) -> str:
    """The traceback as Python prints it, from the first frame that is not the worker's own."""
    tb: TracebackType | None = error.__traceback__
    while tb is not None and _own(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    try:
        return "".join(traceback.format_exception(type(error), error, tb))
    except Exception:
        return type(error).__name__ + "\n"


def describe(error: BaseException) -> dict[str, object]:
    """The JSON of an `error` frame."""
    kind = "component"
    reason = status = code = None
    if isinstance(error, BadData):
        kind = "bad_data"
    elif isinstance(error, BadMetric):
        kind = "bad_metric"
    elif descends(error, "SeldonMicroserviceException"):
        status = _integer(getattr(error, "status_code", None))
        code = _integer(getattr(error, "code", None))
        reason = getattr(error, "reason", None)
        if not isinstance(reason, str):
            reason = None
    return {
        "kind": kind,
        "info": text(error),
        "reason": reason,
        "status": status if status is not None and 100 <= status <= 999 else None,
        "code": code if code is not None and -(2**31) <= code < 2**31 else None,
        # What the worker itself refuses was raised nowhere in the component.
        "traceback": trace(error) if kind == "component" else None,
    }


def _integer(value: object) -> int | None:
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int) else None


def _own(file: str) -> bool:
    return file.startswith(_OWN_FOLDER)


# Not `__file__`: modules that come from memory have none.
_OWN_FOLDER = _own.__code__.co_filename[: -len("errors.py")]
