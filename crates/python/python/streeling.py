"""What a component may ask of the server that runs it.

A component that imports this module, wherever in its code, is sent the headers of its requests.
"""

from __future__ import annotations

from typing import Iterator, Mapping

from streeling_worker import original as _original

__all__ = ["Headers", "request_headers"]


class Headers(Mapping[str, str]):
    """The headers of a request, found by names in any case.

    A header that came several times has its values joined by a comma and a space, in their order.
    Bytes that are not ASCII are characters of Latin-1.
    """

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in headers:
            self._values.setdefault(name.lower(), []).append(value)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"

    def get_all(self, name: str) -> list[str]:
        """The values of a header one by one; none where it did not come."""
        return list(self._values.get(name.lower(), ()))


def request_headers() -> Headers:
    """The headers of the request that the calling thread or task runs; over gRPC, its metadata.

    Raises `RuntimeError` where there is no request, such as on a thread of the component's own.
    """
    found: _original.Original | None = _original.of_this_thread()
    if found is None:
        raise RuntimeError("there is no request on this thread whose headers could be read")
    return Headers(found.headers)
