"""What belongs to the thread that made it: a connection of SQLite, an event loop."""

import asyncio
import sqlite3
from typing import Any


class ThreadBound:
    def load(self) -> None:
        self.database = sqlite3.connect(":memory:")
        self.database.execute("create table t (a)")
        self.database.execute("insert into t values (7)")
        self.loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self.loop)

    async def _wait(self, value: float) -> float:
        await asyncio.sleep(0.001)
        return value

    def predict(self, X: Any, names: Any) -> Any:
        loop = asyncio.get_event_loop()
        assert loop is self.loop
        row = list(self.database.execute("select a from t").fetchone())
        return {"waited": loop.run_until_complete(self._wait(float(X[0][0]))), "row": row}
