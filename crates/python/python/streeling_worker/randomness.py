"""NumPy's global generator, which would draw the same numbers in every worker that is forked.

Python's own is seeded anew in every process that is forked.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any, Callable, Iterator

# The functions that give the generator a state of the component's choice.
SEEDING = ("seed", "set_state")


class Seeding:
    """Whether the component has seeded NumPy's global generator while it was constructed: then
    every worker goes on from there, as it does on seldon-core."""

    def __init__(self) -> None:
        self.is_seeded = False

    @contextlib.contextmanager
    def observed(self) -> Iterator[None]:
        """Takes notice of it within this context. NumPy must have been imported before it."""
        if "numpy" not in sys.modules:
            yield
            return
        # Newer versions import it when it is needed first, which would go unnoticed.
        random: Any = importlib.import_module("numpy.random")
        own = {name: getattr(random, name) for name in SEEDING}
        for name, function in own.items():
            setattr(random, name, _Noticing(self, name, function))
        try:
            yield
        finally:
            for name, function in own.items():
                setattr(random, name, function)

    def renew(self) -> None:
        """Seeds the generator from the system, for a worker that has just been forked, unless the
        component has seeded it."""
        random: Any = sys.modules.get("numpy.random")
        if random is not None and not self.is_seeded:
            random.seed()


class _Noticing:
    """Stands in for a function of `numpy.random`, also where another process is given it."""

    __module__ = "numpy.random"

    def __init__(self, seeding: Seeding, name: str, function: Callable[..., Any]) -> None:
        self._seeding = seeding
        self._function = function
        self.__name__ = self.__qualname__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # Without a seed it takes one from the system.
        if any(value is not None for value in (*args, *kwargs.values())):
            self._seeding.is_seeded = True
        return self._function(*args, **kwargs)

    def __reduce__(self) -> str:
        return self.__name__
