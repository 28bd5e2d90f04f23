"""Replies made of a component's results, with the names, tags and metrics that it adds.

Everything that depends on the component alone is decided once, when it has been loaded.
"""

from __future__ import annotations

from typing import Any, Callable

from . import errors, metrics, payload
from .payload import Encoded, Reply


class Replies:
    """Makes the replies of a component for one kind of callers."""

    def __init__(
        self,
        component: Any,
        own: set[str],
        encode: Callable[[Any], Encoded],
        reads_json: bool = True,
    ) -> None:
        """`own` is what the component defines. `reads_json` says that lists with numbers of several
        types are sent as they are, too."""
        self._encode = encode
        self._reads_json = reads_json

        def optional(name: str) -> Callable[[], Any] | None:
            return getattr(component, name) if name in own else None

        self._metrics = optional("metrics")
        self._tags = optional("tags")
        self._class_names = optional("class_names")
        # An attribute that is not a method counts as well, and be it `None`.
        if "class_names" in own and not callable(self._class_names):
            self._class_names = lambda: component.class_names
        # Whether the component adds no names and no meta of its own to its responses.
        self._plain = not (self._metrics or self._tags or self._class_names)
        self._last_names: tuple[Any, bytes] = (None, b"")

    def reply(self, number: int, result: Any, convert: Callable[[Any], Any] | None = None) -> Reply:
        """The reply that a result of a method makes, which `convert` checks first."""
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
        mixed = type(result) is list and self._reads_json and payload.is_mixed(result, encoded)
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


def _unless_declined(call: Callable[[], Any], default: Any) -> Any:
    try:
        return call()
    except Exception as error:
        if errors.not_implemented(error):
            return default
        raise


# What JSON has a form for; names need not be a list of strings.
_JSON = (list, tuple, str, dict, int, float, type(None))

# Nearly all results.
_ARRAYS = frozenset(payload.ARRAYS)

# An encoded payload is a `tuple`; one of the component's own is refused by the codec.
_PLAIN = (*payload.ARRAYS, list, str, bytes, dict, tuple)


def _is_response(value: Any) -> bool:
    """Whether it wraps a response: by its attributes, since the class may be the user's copy."""
    return hasattr(value, "data") and hasattr(value, "tags") and hasattr(value, "metrics")
