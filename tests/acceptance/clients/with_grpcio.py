"""grpcio with seldon-core's own stubs: its blocking interface, or with `asyncio` the other one."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

GRPC = os.environ["GRPC"]
TIMEOUT = 30
# A message that needs updates of HTTP/2's windows on its way there, and one on its way back.
COUNT = 10_000
TIMES = 30_000
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]


def message(value: dict[str, Any]) -> Any:
    return json_format.ParseDict(value, prediction_pb2.SeldonMessage())


NDARRAY = {"data": {"names": ["a", "b"], "ndarray": [[1.5, 2.0], ["x", None]]}}
TENSOR = {"data": {"tensor": {"shape": [2, 2], "values": [1.0, 2.0, 3.0, 4.0]}}}
NAMES = {"names": ["t:0", "t:1"]}
# Requests and the responses that Mirror gives.
CALLS: list[tuple[dict[str, Any], Any]] = [
    (NDARRAY, {"data": {**NDARRAY["data"], **NAMES}, "meta": {}}),
    (
        {**TENSOR, "meta": {"puid": "p", "tags": {"a": 1.0}}},
        {"data": {**TENSOR["data"], **NAMES}, "meta": {"puid": "p", "tags": {"a": 1.0}}},
    ),
    ({"strData": "größer"}, {"strData": "größer", "meta": {}}),
    ({"binData": "AAEC/w=="}, {"binData": "AAEC/w==", "meta": {}}),
    ({"jsonData": {"a": [1.0, None]}}, {"jsonData": {"a": [1.0, None]}, "meta": {}}),
]
RECEIVED = {"strData": "received", "meta": {}}
FEEDBACK = {"request": TENSOR, "response": {"strData": "b"}, "reward": 0.5}
LARGE = {"data": {"tensor": {"shape": [1, COUNT], "values": [1.0] * COUNT}}}
MUCH = {"jsonData": {"repeat": "abc", "times": TIMES}}


def check(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise SystemExit(f"{what}: expected {expected}, got {found}")


def fails(what: str, error: grpc.RpcError, code: Any) -> None:
    check(what, error.code(), code)


def as_dict(response: Any) -> Any:
    return json_format.MessageToDict(response)


def blocking() -> None:
    with grpc.insecure_channel(GRPC, options=OPTIONS) as channel:
        model = prediction_pb2_grpc.ModelStub(channel)
        seldon = prediction_pb2_grpc.SeldonStub(channel)
        for request, response in CALLS:
            found = model.Predict(message(request), timeout=TIMEOUT)
            check(str(request), as_dict(found), response)
        found = seldon.Predict(message(CALLS[2][0]), metadata=[("x-request-id", "7")])
        check("Seldon", as_dict(found), CALLS[2][1])
        feedback = json_format.ParseDict(FEEDBACK, prediction_pb2.Feedback())
        check("feedback", as_dict(model.SendFeedback(feedback)), RECEIVED)
        model.Metadata(empty_pb2.Empty())
        found = model.Predict(message(LARGE))
        check("large", list(found.data.tensor.values), [float(COUNT)])
        check("much", len(model.Predict(message(MUCH)).strData), 3 * TIMES)
        found = model.Predict(message(CALLS[0][0]), compression=grpc.Compression.Gzip)
        check("gzip", as_dict(found), CALLS[0][1])
        for text, code in [("raise", grpc.StatusCode.UNKNOWN)]:
            try:
                model.Predict(message({"strData": text}))
                raise SystemExit("no error")
            except grpc.RpcError as error:
                fails(text, error, code)
        try:
            seldon.GraphMetadata(empty_pb2.Empty())
            raise SystemExit("no error")
        except grpc.RpcError as error:
            fails("GraphMetadata", error, grpc.StatusCode.UNIMPLEMENTED)
    print("grpcio", grpc.__version__)


async def at_once() -> None:
    async with grpc.aio.insecure_channel(GRPC, options=OPTIONS) as channel:
        model = prediction_pb2_grpc.ModelStub(channel)
        calls = [model.Predict(message(request), timeout=TIMEOUT) for request, _ in CALLS]
        for (request, response), found in zip(CALLS, await asyncio.gather(*calls)):
            check(str(request), as_dict(found), response)
        feedback = json_format.ParseDict(FEEDBACK, prediction_pb2.Feedback())
        check("feedback", as_dict(await model.SendFeedback(feedback)), RECEIVED)
        found = await model.Predict(message(LARGE))
        check("large", list(found.data.tensor.values), [float(COUNT)])
        try:
            await model.Predict(message({"strData": "raise"}))
            raise SystemExit("no error")
        except grpc.RpcError as error:
            fails("raise", error, grpc.StatusCode.UNKNOWN)
    print("grpcio", grpc.__version__, "asyncio")


if sys.argv[1:] == ["asyncio"]:
    asyncio.run(at_once())
else:
    blocking()
