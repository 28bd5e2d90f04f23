"""httpx, which writes headers in lower case and uploads asynchronously, too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
from calls import CALLS, FILE, FILE_RESPONSE, LARGE_RESPONSE, REST, check, large


async def parts() -> AsyncIterator[bytes]:
    for part in large():
        yield part


async def main() -> None:
    async with httpx.AsyncClient(base_url=REST) as client:
        for path, message, response in CALLS:
            check(path, (await client.post(path, json=message)).json(), response)
        form = {"json": json.dumps(CALLS[0][1])}
        check("form", (await client.post("/predict", data=form)).json(), CALLS[0][2])
        files = {"binData": ("a file", FILE, "application/octet-stream")}
        check("file", (await client.post("/predict", files=files)).json(), FILE_RESPONSE)
        headers = {"content-type": "application/json"}
        response = await client.post("/predict", content=parts(), headers=headers)
        check("chunks", response.json(), LARGE_RESPONSE)
        check("head", (await client.head("/health/ping")).status_code, 200)
        check("ping", (await client.get("/health/ping")).text, "pong")
    print("httpx", httpx.__version__)


asyncio.run(main())
