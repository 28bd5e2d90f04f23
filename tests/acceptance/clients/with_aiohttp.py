"""aiohttp, with several requests at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from calls import CALLS, FILE, FILE_RESPONSE, LARGE_RESPONSE, REST, check, large


async def parts() -> AsyncIterator[bytes]:
    for part in large():
        yield part


async def post(session: aiohttp.ClientSession, path: str, **body: Any) -> Any:
    async with session.post(path, **body) as response:
        return await response.json()


async def main() -> None:
    async with aiohttp.ClientSession(REST) as session:
        at_once = [post(session, path, json=message) for path, message, _ in CALLS]
        for (path, _, expected), found in zip(CALLS, await asyncio.gather(*at_once)):
            check(path, found, expected)
        form = {"json": json.dumps(CALLS[0][1])}
        check("form", await post(session, "/predict", data=form), CALLS[0][2])
        multipart = aiohttp.FormData()
        multipart.add_field("binData", FILE, filename="a file")
        check("file", await post(session, "/predict", data=multipart), FILE_RESPONSE)
        headers = {"content-type": "application/json"}
        found = await post(session, "/predict", data=parts(), headers=headers)
        check("chunks", found, LARGE_RESPONSE)
        found = await post(session, "/predict", json=CALLS[0][1], expect100=True)
        check("continue", found, CALLS[0][2])
        async with session.head("/health/ping") as response:
            check("head", response.status, 200)
        async with session.get("/health/ping") as response:
            check("ping", await response.text(), "pong")
    print("aiohttp", aiohttp.__version__)


asyncio.run(main())
