"""How much memory the payloads of a request may take as Python's objects, and how many files the
process may open.

Numbers take about what they took on the wire. A short text beside a long one takes as much as that
in NumPy's arrays, and an empty object of two bytes takes 64: what a request would take is computed
before anything is made of it.
"""

from __future__ import annotations

import contextlib
from math import isqrt, prod
from typing import Any, Iterable

from .errors import TooMuch

# The most elements that the tensors of a request may stand for without writing them.
REPEATED = 1 << 21
# The most bytes that objects take for one byte of JSON; that is an object with
# an empty list under an empty key.
_DENSEST = 48
# Characters of a number that NumPy makes text, since there is text beside it.
_DIGITS = {float: 32, int: 21, bool: 5}
# A character in NumPy.
_WIDTH = 4
# Bytes of Python's objects: an empty one, what the first key adds to a `dict`, what each does, an
# empty list, text without its characters, a number, a place in a list.
_DICT, _FIRST_KEY, _KEY, _LIST, _TEXT, _NUMBER, _PLACE = 64, 120, 36, 56, 56, 32, 8
# What an array takes for each element, whatever its dtype: that of complex numbers is the largest.
_ELEMENT = 16
# Files that a worker opens beside the sockets of its threads.
_FILES = 128


# Bytes that a request may take, and bytes of one that cannot take so many, whatever they are.
allowed = small = 0


def allow(size: int) -> None:
    """Lets requests take so many bytes."""
    global allowed, small
    allowed = size
    small = min(size // _DENSEST, isqrt(size // 2))


# As the setting's default.
allow(1 << 30)


def restore_files(most: int | None, threads: int) -> None:
    """Sets the soft limit of open files to that which the server was started with: it has raised
    its own, and `select` knows no descriptor above 1023. Where the threads need more, it is more.
    """
    if most is None:
        return
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # For each thread a socket, and some for everything else.
        wanted = max(most, threads + _FILES)
        if soft == resource.RLIM_INFINITY or wanted < soft:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class Budget:
    """What the items of one request may still take together."""

    __slots__ = ("_left", "_repeated")

    def __init__(self) -> None:
        self._left = allowed
        self._repeated = REPEATED

    def _take(self, size: int, what: str) -> None:
        if size > self._left:
            others = " with what is beside it" if size <= allowed else ""
            raise TooMuch(
                f"{what} would take {int(size)} bytes of memory{others}, {int(allowed)} are "
                "allowed (--max-decoded-size, STREELING_MAX_DECODED_SIZE)"
            )
        self._left -= max(size, 0)

    def json(self, text: bytes | bytearray | memoryview) -> None:
        """Refuses JSON whose objects would take too much."""
        size = len(text)
        if size * _DENSEST <= self._left:
            # Not worth a closer look.
            self._left -= size
            return
        self._take(_size_of_json(bytes(text)), f"JSON of {int(size)} bytes")

    def array(self, value: Any) -> None:
        """Refuses an array of text that would take too much, before NumPy makes it of `value`."""
        count, longest = _text(value)
        if count:
            self._take(
                count * longest * _WIDTH,
                f"an array of {int(count)} elements, the longest of {int(longest)} characters,",
            )

    def objects(self, count: int) -> None:
        """Refuses an array of so many objects that would take too much."""
        self._take(count * (_PLACE + _NUMBER), f"an array of {int(count)} objects")

    def repeated(self, missing: int, count: int, shape: tuple[int, ...]) -> None:
        """Refuses a tensor whose last element stands for too many others."""
        if missing > self._repeated:
            raise TooMuch(
                f"a tftensor of {int(count)} elements for the shape {shape}: the tensors of a "
                f"request may leave out {int(REPEATED)} elements"
            )
        self._repeated -= missing

    def shape(self, sides: Iterable[int]) -> None:
        """Refuses a tensor of so many elements."""
        sides = tuple(sides)
        self._take(prod(sides) * _ELEMENT, f"a tftensor of shape {sides}")


def _text(value: Any) -> tuple[int, int]:
    """How many elements an array of text has, and the most characters of any; zeros where NumPy
    makes no such array."""
    count = longest = 0
    is_text = False
    lists = [value] if isinstance(value, list) else []
    while lists:
        one = lists.pop()
        types = set(map(type, one))
        if dict in types or type(None) in types:
            # They make an array of objects.
            return 0, 0
        if list in types:
            lists.extend(element for element in one if type(element) is list)
            continue
        count += len(one)
        if str in types:
            is_text = True
            texts = one if len(types) == 1 else [text for text in one if type(text) is str]
            longest = max(longest, max(map(len, texts)))
        longest = max(longest, max((_DIGITS.get(cls, 0) for cls in types), default=0))
    return (count, longest) if is_text else (0, 0)


def _size_of_json(text: bytes) -> int:
    """About how many bytes the objects of JSON take, rather more than too few."""
    # Without what looks like the end of a text, every second part is outside of texts.
    parts = text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
    texts = len(parts) // 2
    outside = b"".join(parts[::2])
    count = outside.count
    objects, lists, keys, commas = count(b"{"), count(b"["), count(b":"), count(b",")
    filled = objects - count(b"{}")
    texts = max(texts - keys, 0)
    numbers = max(commas + lists + 1 - texts, 0)
    return (
        len(text)
        + objects * _DICT
        + filled * _FIRST_KEY
        + keys * _KEY
        + lists * _LIST
        + texts * _TEXT
        + min(numbers, len(outside) // 2) * _NUMBER
        + commas * _PLACE
    )
