"""KServe's own client, over REST (V1, V2, binary tensors) and gRPC; both are asynchronous."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import version
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig

REST = os.environ["REST"]
GRPC = os.environ["GRPC"]
MODEL = "Mirror"
ROWS = np.array([[1.5, 2.0], [3.0, -4.25]])


def check(what: str, found: Any, expected: Any) -> None:
    """Stop the client if a response is another one."""
    if found != expected:
        raise SystemExit(f"{what}: expected {expected}, got {found}")


def request(array: Any, datatype: str, *, binary: bool) -> Any:
    """One input, of which the same comes back."""
    tensor = InferInput("rows", list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(MODEL, [tensor], request_id="r-1")


def check_output(what: str, response: Any, array: Any) -> None:
    """Compare the only output."""
    (output,) = response.outputs
    found = output.as_numpy()
    check(f"{what}: shape", list(output.shape), list(array.shape))
    check(f"{what}: dtype", found.dtype, array.dtype)
    check(f"{what}: data", found.tolist(), array.tolist())
    check(f"{what}: id", response.id, "r-1")


async def rest() -> None:
    """V1, then V2."""
    first = InferenceRESTClient(RESTConfig(protocol="v1"))
    async with first:
        # Whether the server is live, it reads from `GET /`, which is a page here.
        check("v1 ready", await first.is_model_ready(REST, MODEL), True)
        response = await first.infer(REST, {"instances": ROWS.tolist()}, MODEL)
        check("v1", response, {"predictions": ROWS.tolist()})
    second = InferenceRESTClient(RESTConfig(protocol="v2"))
    async with second:
        check("live", await second.is_server_live(REST), True)
        check("ready", await second.is_server_ready(REST), True)
        check("model", await second.is_model_ready(REST, MODEL), True)
        for array, datatype in [
            (ROWS, "FP64"),
            (ROWS.astype(np.float32), "FP32"),
            (ROWS.astype(np.int64), "INT64"),
            (ROWS > 0, "BOOL"),
        ]:
            for binary in (False, True):
                message = request(array, datatype, binary=binary)
                response = await second.infer(REST, message, MODEL)
                check_output(f"{datatype}, binary={binary}", response, array)


async def grpc() -> None:
    """The same over gRPC."""
    client = InferenceGRPCClient(GRPC)
    async with client:
        check("gRPC live", await client.is_server_live(), True)
        check("gRPC ready", await client.is_server_ready(), True)
        check("gRPC model", await client.is_model_ready(MODEL), True)
        for array, datatype in [(ROWS, "FP64"), (ROWS.astype(np.int32), "INT32")]:
            for binary in (False, True):
                response = await client.infer(request(array, datatype, binary=binary))
                check_output(f"gRPC {datatype}, binary={binary}", response, array)


async def main() -> None:
    """Everything."""
    await rest()
    await grpc()
    print("kserve", version("kserve"))


asyncio.run(main())
