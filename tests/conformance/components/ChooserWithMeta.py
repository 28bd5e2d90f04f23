"""A router that wants the request's meta."""

from typing import Any


class ChooserWithMeta:
    """Branch 1 if the request carries the tag ``b``, else branch 0."""

    def route(self, X: Any, names: Any, meta: Any = None) -> int:
        return int("b" in (meta or {}).get("tags", {}))
