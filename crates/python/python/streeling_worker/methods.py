"""Calls the component's methods: their arguments, and the replies made of their results.

Everything that depends on the component alone is decided once, when it has been loaded.
"""

from __future__ import annotations

import logging
from typing import Any, Callable

from . import errors, metrics, payload, protocol, raw
from .errors import BadData, Declined
from .payload import Codec, Encoded, Handler, Item, Reply
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


class Methods:
    """The handlers of a component, by the method's number."""

    def __init__(self, component: Any, codec: Codec, metrics_in_response: bool = True) -> None:
        self._component = component
        self.codec = codec
        self._encode = codec.encode
        own = set(capabilities(component))
        self._own = own

        self._metrics = self._optional("metrics")
        self._tags = self._optional("tags")
        self._class_names: Callable[[], Any] | None = None
        if "class_names" in own:
            found = component.class_names
            self._class_names = found if callable(found) else lambda: component.class_names
        # Whether the component adds no names and no meta of its own to its responses.
        self._plain = not (self._metrics or self._tags or self._class_names)
        self._last_names: tuple[Any, bytes] = (None, b"")

        self.handlers: dict[int, Handler] = {
            protocol.PREDICT: self._message(protocol.PREDICT, self._nothing),
            protocol.TRANSFORM_INPUT: self._message(protocol.TRANSFORM_INPUT, _same),
            protocol.TRANSFORM_OUTPUT: self._message(protocol.TRANSFORM_OUTPUT, _same),
            protocol.ROUTE: self._route(),
            protocol.AGGREGATE: self._aggregate(),
            protocol.SEND_FEEDBACK: self._send_feedback(),
            protocol.HEALTH_STATUS: self._health_status(),
        }
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

    def _optional(self, name: str) -> Callable[[], Any] | None:
        if name not in self._own:
            return None
        method: Callable[[], Any] = getattr(self._component, name)
        return method

    # Handlers

    def _message(self, number: int, absent: Callable[[Any], Any]) -> Handler:
        """`absent` makes the result where the component has none of its own."""
        reply = self._reply
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

    def _route(self) -> Handler:
        if "route" not in self._own:
            return _not_defined("Route not defined")
        call = with_meta(self._component.route)

        def handle(items: list[Item]) -> Reply:
            value, names, meta, _ = items[0]
            return self._reply(protocol.ROUTE, call(value, names, meta), _branch)

        return handle

    def _aggregate(self) -> Handler:
        if "aggregate" not in self._own:
            return _not_defined("Aggregate not defined")
        call = self._component.aggregate

        def handle(items: list[Item]) -> Reply:
            values = [value for value, _, _, _ in items]
            return self._reply(protocol.AGGREGATE, call(values, [item[1] for item in items]))

        return handle

    def _send_feedback(self) -> Handler:
        if "send_feedback" not in self._own:
            return lambda items: self._reply(protocol.SEND_FEEDBACK, self._empty())
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
            return self._reply(protocol.SEND_FEEDBACK, result)

        return handle

    def _health_status(self) -> Handler:
        if "health_status" not in self._own:
            # The base class in seldon-core returns this text.
            inherits = any(
                cls.__name__ == "SeldonComponent" for cls in type(self._component).__mro__
            )
            health = "not implemented - assuming healthy" if inherits else "healthy"
            return lambda items: self._reply(protocol.HEALTH_STATUS, health)
        call = self._component.health_status

        def handle(items: list[Item]) -> Reply:
            try:
                result = call()
            except Exception as error:
                if not errors.not_implemented(error):
                    raise
                result = "healthy"
            return self._reply(protocol.HEALTH_STATUS, result)

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
        return value if kind in (protocol.NUMBERS, protocol.LIST) else self.codec.empty()

    # Replies

    def _reply(
        self, number: int, result: Any, convert: Callable[[Any], Any] | None = None
    ) -> Reply:
        tags = reported = None
        if self._plain and type(result) in _ARRAYS and convert is None:
            return self._encode(result), b"", b""
        # Only a value of none of the plain types can be a wrapper.
        if not isinstance(result, _PLAIN) and _is_response(result):
            tags, reported, result = result.tags, result.metrics, result.data
        if convert is not None:
            result = convert(result)
        encoded = self._encode(result)
        # As the component wrote it, where an array cannot say it.
        mixed = type(result) is list and payload.is_mixed(result, encoded)
        if self._plain and not tags and not reported and not mixed:
            return encoded, b"", b""
        meta: dict[str, Any] = {"list": result} if mixed else {}
        return encoded, *self._annotated(number, encoded, tags, reported, meta)

    def _annotated(
        self, number: int, encoded: Encoded, tags: Any, reported: Any, meta: dict[str, Any]
    ) -> tuple[bytes, bytes]:
        """The names, and the meta. The order of the three calls is seldon-core's."""
        all_metrics: list[dict[str, Any]] = []
        if self._metrics:
            all_metrics += metrics.checked(_unless_declined(self._metrics, []))
        if reported:
            all_metrics += metrics.checked(reported)
        names = self._names(encoded) if self._class_names else b""
        all_tags: dict[Any, Any] = {}
        if self._tags:
            own = _unless_declined(self._tags, None)
            if own:
                all_tags.update(own)
        if tags:
            all_tags.update(tags)
        if all_tags:
            meta["tags"] = all_tags
        if all_metrics:
            meta["metrics"] = list(map(metrics.sent, all_metrics))
            if any(map(metrics.says_more, all_metrics)):
                label = metrics.LABELS.get(number, "")
                meta["written"] = [metrics.labelled(metric, label) for metric in all_metrics]
        text = payload.to_json(meta) if meta else b""
        if b"\\ud" in text and all_tags:
            # Perhaps half of a surrogate pair, which values may have, and keys may not.
            meta["tags"] = {
                errors.clean(key) if isinstance(key, str) else key: value
                for key, value in all_tags.items()
            }
            text = payload.to_json(meta)
        return names, text

    def _names(self, encoded: Encoded) -> bytes:
        """The component's names for the columns; there are none below two dimensions."""
        _, _, shape, _ = encoded
        if self._class_names is None or len(shape) < 2:
            return b""
        try:
            names = self._class_names()
        except Exception as error:
            if errors.not_implemented(error):
                return b""
            raise
        if type(names) is list:
            last, text = self._last_names
            if names == last:
                return text
        names = names.tolist() if hasattr(names, "tolist") else names
        if not isinstance(names, _JSON) and hasattr(names, "__iter__"):
            names = list(names)
        try:
            text = payload.to_json(names)
        except TypeError:
            if not isinstance(names, list):
                raise
            text = payload.to_json([name if isinstance(name, str) else str(name) for name in names])
        if isinstance(names, list) and all(isinstance(name, str) for name in names):
            # Lists of numbers and booleans are equal, and not the same.
            self._last_names = (names.copy(), text)
        return text


def _same(value: Any) -> Any:
    return value


def _unless_declined(call: Callable[[], Any], default: Any) -> Any:
    try:
        return call()
    except Exception as error:
        if errors.not_implemented(error):
            return default
        raise


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


# What JSON has a form for; names need not be a list of strings.
_JSON = (list, tuple, str, dict, int, float, type(None))

# Nearly all results.
_ARRAYS = frozenset(payload.ARRAYS)

# An encoded payload is a `tuple`; one of the component's own is refused by the codec.
_PLAIN = (*payload.ARRAYS, list, str, bytes, dict, tuple)


def _is_response(value: Any) -> bool:
    """Whether it wraps a response: by its attributes, since the class may be the user's copy."""
    return hasattr(value, "data") and hasattr(value, "tags") and hasattr(value, "metrics")
