"""Calls the component's methods: their arguments, and the replies made of their results.

Everything that depends on the component alone is decided once, when it has been loaded.
"""

from __future__ import annotations

import logging
from typing import Any, Callable, Sequence

from . import errors, protocol, raw, tensors
from .errors import BadData, Declined
from .payload import Codec, Handler, Item, Reply
from .protocol import TENSORS
from .replies import Replies
from .signatures import with_meta

# The forms of a method: plain, for raw messages, and those that are deprecated.
SUFFIXES = ("", "_raw", "_rest", "_grpc")
# What a component may define. The first seven are the methods of the protocol.
KNOWN = (
    *(name + suffix for suffix in SUFFIXES for name in protocol.METHODS.values()),
    "class_names",
    "feature_names",
    "tags",
    "metrics",
    "load",
    "init_metadata",
    "custom_service",
)
# Of these an attribute that is not a method counts as well.
ATTRIBUTES = ("class_names", "feature_names")
_MISSING = object()


def defined(component: object, name: str) -> bool:
    """Whether the component defines `name` itself, not merely inherits it as "not implemented"."""
    for cls in type(component).__mro__:
        if name in vars(cls):
            if cls.__name__ == "SeldonComponent" and cls.__module__ == "seldon_core.user_model":
                return name in getattr(component, "__dict__", {})
            break
    # Perhaps an attribute of the object alone, or made by `__getattr__`.
    found = getattr(component, name, _MISSING)
    return callable(found) or (found is not _MISSING and name in ATTRIBUTES)


def capabilities(component: object) -> list[str]:
    """The names out of `KNOWN` that the component defines."""
    return [name for name in KNOWN if defined(component, name)]


_log = logging.getLogger("streeling")

# Makes the reply to a method of this number of its result, see `Replies.reply`.
MakeReply = Callable[..., Reply]
# These methods take one message.
_ONE = (
    protocol.PREDICT,
    protocol.TRANSFORM_INPUT,
    protocol.TRANSFORM_OUTPUT,
    protocol.ROUTE,
)


class Methods:
    """The handlers of a component, by the method's number."""

    def __init__(
        self,
        component: Any,
        codec: Codec,
        metrics_in_response: bool = True,
        columns: Sequence[str] = (),
    ) -> None:
        """`columns` are the names of an input's columns where a caller of tensors gives none."""
        self._component = component
        self.codec = codec
        own = set(capabilities(component))
        self._own = own

        self.handlers = self._handlers(Replies(component, own, codec.encode).reply)
        replies = Replies(component, own, tensors.encoder(codec), reads_json=False)
        for number, handler in self._handlers(replies.reply).items():
            named = _with_columns(handler, columns) if columns and number in _ONE else handler
            self.handlers[number | TENSORS] = named
        self._predict = with_meta(component.predict) if "predict" in own else None
        # By the kind of the item and the method.
        self.raw_handlers: dict[tuple[int, int], Handler] = {}
        for number in protocol.METHODS:
            self._find_raw(number, metrics_in_response)
        self.pass_through: Handler = self._passthrough
        self.page: Handler = _no_page
        for name in sorted(own):
            if name.endswith(("_rest", "_grpc")):
                _log.warning("%s is deprecated, use %s_raw instead", name, name[: -len("_rest")])

    def wrap(self, around: Callable[[Handler], Handler]) -> None:
        """Puts something around every handler of a method."""
        for number, handler in self.handlers.items():
            self.handlers[number] = around(handler)
        for key, handler in self.raw_handlers.items():
            self.raw_handlers[key] = around(handler)
        self.pass_through = around(self.pass_through)

    # Handlers

    def _handlers(self, reply: MakeReply) -> dict[int, Handler]:
        return {
            protocol.PREDICT: self._message(protocol.PREDICT, self._nothing, reply),
            protocol.TRANSFORM_INPUT: self._message(protocol.TRANSFORM_INPUT, _same, reply),
            protocol.TRANSFORM_OUTPUT: self._message(protocol.TRANSFORM_OUTPUT, _same, reply),
            protocol.ROUTE: self._route(reply),
            protocol.AGGREGATE: self._aggregate(reply),
            protocol.SEND_FEEDBACK: self._send_feedback(reply),
            protocol.HEALTH_STATUS: self._health_status(reply),
        }

    def _message(self, number: int, absent: Callable[[Any], Any], reply: MakeReply) -> Handler:
        """`absent` makes the result where the component has none of its own."""
        name = protocol.METHODS[number]
        if name not in self._own:
            return lambda items: reply(number, absent(items[0][0]))
        call = with_meta(getattr(self._component, name))

        def handle(items: list[Item]) -> Reply:
            value, names, meta, _ = items[0]
            try:
                result = call(value, names, meta)
            except Exception as error:
                if not errors.not_implemented(error):
                    raise
                result = absent(value)
            return reply(number, result)

        return handle

    def _route(self, reply: MakeReply) -> Handler:
        if "route" not in self._own:
            return _not_defined("Route not defined")
        call = with_meta(self._component.route)

        def handle(items: list[Item]) -> Reply:
            value, names, meta, _ = items[0]
            return reply(protocol.ROUTE, call(value, names, meta), _branch)

        return handle

    def _aggregate(self, reply: MakeReply) -> Handler:
        if "aggregate" not in self._own:
            return _not_defined("Aggregate not defined")
        call = self._component.aggregate

        def handle(items: list[Item]) -> Reply:
            values = [value for value, _, _, _ in items]
            return reply(protocol.AGGREGATE, call(values, [item[1] for item in items]))

        return handle

    def _send_feedback(self, reply: MakeReply) -> Handler:
        if "send_feedback" not in self._own:
            return lambda items: reply(protocol.SEND_FEEDBACK, self._empty())
        call = self._component.send_feedback

        def handle(items: list[Item]) -> Reply:
            request, truth, (reward, _, _, _) = items
            try:
                result = call(
                    self._data_only(request),
                    request[1],
                    float(reward["reward"]),
                    self._data_only(truth),
                    routing=reward["routing"],
                )
            except Exception as error:
                if not errors.not_implemented(error):
                    raise
                result = None
            result = self._empty() if result is None else result
            return reply(protocol.SEND_FEEDBACK, result)

        return handle

    def _health_status(self, reply: MakeReply) -> Handler:
        if "health_status" not in self._own:
            # The base class in seldon-core returns this text.
            inherits = any(
                cls.__name__ == "SeldonComponent" for cls in type(self._component).__mro__
            )
            health = "not implemented - assuming healthy" if inherits else "healthy"
            return lambda items: reply(protocol.HEALTH_STATUS, health)
        call = self._component.health_status

        def handle(items: list[Item]) -> Reply:
            try:
                result = call()
            except Exception as error:
                if not errors.not_implemented(error):
                    raise
                result = "healthy"
            return reply(protocol.HEALTH_STATUS, result)

        return handle

    def _find_raw(self, number: int, metrics_in_response: bool) -> None:
        """Finds what takes raw messages for a method."""
        name = protocol.METHODS[number]
        for kind in (protocol.MESSAGE, protocol.PROTOBUF):
            for suffix in raw.suffixes(number, kind):
                if name + suffix in self._own:
                    method = getattr(self._component, name + suffix)
                    self.raw_handlers[kind, number] = raw.handler(
                        method, number, kind, suffix, metrics_in_response
                    )
                    break

    def _passthrough(self, items: list[Item]) -> Reply:
        """Bytes in, bytes or text out, by the raw method if there is one that does not decline."""
        body = items[0][0]
        result = None
        try:
            for name in ("predict_rest", "predict_raw"):
                if name in self._own:
                    result = getattr(self._component, name)(body)
                    break
        except Exception as error:
            if not errors.not_implemented(error):
                raise
        if result is None:
            if self._predict is None:
                raise BadData(
                    "PAYLOAD_PASSTHROUGH needs predict_rest, predict_raw or predict in the "
                    "component"
                )
            result = self._predict(body, [], None)
        if isinstance(result, str):
            result = result.encode("utf-8")
        if not isinstance(result, (bytes, bytearray)):
            raise TypeError(
                "with PAYLOAD_PASSTHROUGH the component must return bytes or str, "
                f"not {type(result).__name__}"
            )
        return (protocol.PASSTHROUGH, 0, (), bytes(result)), b"", b""

    # Values

    def _empty(self) -> Any:
        return self.codec.empty()

    def _nothing(self, value: Any) -> Any:
        return self.codec.empty()

    def _data_only(self, item: Item) -> Any:
        """An array as it is, anything else as an empty one: feedback has nothing but `data`."""
        value, _, _, kind = item
        return value if kind in _ARRAYS else self.codec.empty()


def _same(value: Any) -> Any:
    return value


def _with_columns(handler: Handler, columns: Sequence[str]) -> Handler:
    """`handler`, which is given these names for an array of so many columns without any."""
    count = len(columns)

    def handle(items: list[Item]) -> Reply:
        value, names, meta, kind = items[0]
        if not names and kind in _ARRAYS and _columns(value) == count:
            items = [(value, list(columns), meta, kind)]
        return handler(items)

    return handle


def _columns(value: Any) -> int:
    """How many columns an array has; 0 where it has no rows of columns."""
    if isinstance(value, list):
        return len(value[0]) if value and isinstance(value[0], list) else 0
    shape: tuple[int, ...] = getattr(value, "shape", ())
    return int(shape[1]) if len(shape) == 2 else 0


_ARRAYS = (protocol.NUMBERS, protocol.LIST, protocol.COLUMNS)


def _not_defined(text: str) -> Handler:
    def handle(items: list[Item]) -> Reply:
        raise BadData(text)

    return handle


def _no_page(items: list[Item]) -> Reply:
    raise Declined("the component has no pages")


def _branch(result: Any) -> list[list[int]]:
    if not isinstance(result, int):
        raise BadData(f"Routing response must be int but got {result}")
    return [[result]]
