"""A component whose methods are coroutine functions."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any


class Meeting:
    """Responds once as many calls as the parameter says are in the component at the same time."""

    def __init__(self, calls: int = 6, folder: str = ".") -> None:
        self.calls = calls
        self.folder = Path(folder)
        self.inside = 0

    async def load(self) -> None:
        self.everyone = asyncio.Event()

    async def predict(self, X: Any, names: Any, meta: Any = None) -> Any:
        """Counts who is there; text waits until it is cancelled."""
        if isinstance(X, str):
            return await self._wait(X)
        self.inside += 1
        if self.inside == self.calls:
            self.everyone.set()
        await self.everyone.wait()
        return X * 2

    async def tags(self) -> dict[str, Any]:
        await asyncio.sleep(0.001)
        return {"calls": self.inside}

    thread_safe = True

    async def _wait(self, name: str) -> Any:
        (self.folder / f"entered-{name}").touch()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            (self.folder / f"cancelled-{name}").touch()
            raise
