"""Components whose methods take names and meta in many ways, by the parameter `kind`."""

import functools
from typing import Any, Callable, Dict

Method = Callable[..., Any]


def wrapped(function: Method) -> Method:
    """As most decorators are written."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def hidden(function: Method) -> Method:
    """A decorator that does not say what it wraps."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class MetaSecond:
    def predict(self, X: Any, meta: Any) -> Any:
        return [repr(meta)]

    def transform_input(self, X: Any, meta: Any) -> Any:
        return X + 1

    def transform_output(self, X: Any, meta: Any) -> Any:
        return [repr(meta)]

    def route(self, X: Any, meta: Any) -> int:
        return 1


class MetaBeforeNames:
    def predict(self, X: Any, meta: Any = None, names: Any = None) -> Any:
        return [repr(meta), repr(names)]


class WrappedWithoutMeta:
    @wrapped
    def predict(self, X: Any, names: Any) -> Any:
        return [repr(names)]

    transform_input = transform_output = predict

    @wrapped
    @wrapped
    def route(self, X: Any, names: Any) -> int:
        return 2


class WrappedWithMeta:
    @wrapped
    def predict(self, X: Any, names: Any, meta: Any = "default") -> Any:
        return [repr(meta)]

    @wrapped
    def transform_input(self, X: Any, meta: Any) -> Any:
        return [repr(meta)]


class HiddenWithoutMeta:
    @hidden
    def predict(self, X: Any, names: Any) -> Any:
        return [repr(names)]

    @hidden
    def transform_input(self, X: Any, meta: Any) -> Any:
        return [repr(meta)]

    @hidden
    def route(self, X: Any, names: Any) -> int:
        return 2


class HiddenWithMeta:
    @hidden
    def predict(self, X: Any, names: Any, meta: Any = "default") -> Any:
        return [repr(meta)]


class Partial:
    def _keyed(self, key: str, X: Any, names: Any, meta: Any = "default") -> Any:
        return [key, repr(meta)]

    predict = functools.partialmethod(_keyed, "k")


class CallableAttribute:
    class Call:
        def __call__(self, X: Any, names: Any, meta: Any = "default") -> Any:
            return [repr(meta)]

    def __init__(self) -> None:
        self.predict = self.Call()


class Static:
    @staticmethod
    def predict(X: Any, names: Any, meta: Any = "default") -> Any:
        return [repr(meta)]


class OfClass:
    @classmethod
    def predict(cls, X: Any, names: Any, **kwargs: Any) -> Any:
        return [repr(kwargs)]


class Lambda:
    predict = lambda self, X, n: [repr(n)]  # noqa: E731


class GetAttr:
    def __getattr__(self, name: str) -> Any:
        if name == "predict":
            return lambda X, names, meta="default": [repr(meta)]
        raise AttributeError(name)


class KeywordOnly:
    def predict(self, X: Any, names: Any, *, meta: Any = "default") -> Any:
        return [repr(meta)]


class PositionOnly:
    def predict(self, X: Any, names: Any, meta: Any = "default", /) -> Any:
        return [repr(meta)]


KINDS: Dict[str, Any] = {
    cls.__name__: cls
    for cls in (
        MetaSecond,
        MetaBeforeNames,
        WrappedWithoutMeta,
        WrappedWithMeta,
        HiddenWithoutMeta,
        HiddenWithMeta,
        Partial,
        CallableAttribute,
        Static,
        OfClass,
        Lambda,
        GetAttr,
        KeywordOnly,
        PositionOnly,
    )
}


def Signatures(kind: str) -> Any:  # noqa: N802
    """A component of the kind."""
    return KINDS[kind]()
