"""Whether a method of the component takes `meta`, decided when it has been loaded.

seldon-core passes `meta=…` to every method, and once more without it where that raises a
`TypeError`. Here the signature decides, so that no method is entered twice.
"""

from __future__ import annotations

import inspect
from typing import Any, Callable

# A call of `method(X, names, meta=meta)`, or without `meta` where the method does not take it.
Call = Callable[[Any, Any, Any], Any]

# What stands for any argument when a signature is tried.
_ANY = object()


def with_meta(method: Callable[..., Any], arguments: int = 2) -> Call:
    """A call of `method` with or without `meta`; `arguments` are given by position before it."""
    takes = _takes_meta(method, (_ANY,) * arguments)
    if takes is None:
        return _Tried(method)
    if takes:
        return lambda value, names, meta: method(value, names, meta=meta)
    return lambda value, names, meta: method(value, names)


def _takes_meta(method: Any, arguments: tuple[object, ...]) -> bool | None:
    """Whether `meta` can be passed by name behind these arguments; `None` where only a call shows.

    A wrapper's own signature counts, since it is what is called. One that hands on any keywords
    takes `meta` if what it says that it wraps does.
    """
    try:
        signature = inspect.signature(method, follow_wrapped=False)
    except (TypeError, ValueError):
        return None
    try:
        bound = signature.bind(*arguments, meta=_ANY)
    except TypeError:
        return False
    if "meta" in bound.arguments:
        return True
    wrapped = getattr(method, "__wrapped__", None)
    if wrapped is None:
        return None
    # A bound method shows what its function wraps, which then takes the object as well.
    is_bound = inspect.ismethod(method) and not inspect.ismethod(wrapped)
    return _takes_meta(wrapped, (method.__self__, *arguments) if is_bound else arguments)


class _Tried:
    """Calls with `meta` until that is refused, and from then on without."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method = method
        self._refused = False

    def __call__(self, value: Any, names: Any, meta: Any) -> Any:
        if not self._refused:
            try:
                return self._method(value, names, meta=meta)
            except TypeError as error:
                if not any(text in str(error) for text in _REFUSALS):
                    raise
                self._refused = True
        return self._method(value, names)


# How Python, Cython and builtins refuse a keyword before a function is entered.
_REFUSALS = (
    "'meta' is an invalid keyword argument",
    "unexpected keyword argument 'meta'",
    "multiple values for argument 'meta'",
    "takes no keyword arguments",
)
