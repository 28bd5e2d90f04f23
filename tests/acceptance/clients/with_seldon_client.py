"""seldon-core's own client, which looks at a single component as its documentation shows."""

from __future__ import annotations

import importlib.metadata
import os
from typing import Any

import numpy as np
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2

# The stand-in, which the type checker sees, has no client.
from seldon_core.seldon_client import SeldonClient  # type: ignore[attr-defined]

ENDPOINTS = {"rest": os.environ["REST"].split("//")[1], "grpc": os.environ["GRPC"]}
ARRAY = np.array([[1.0, 2.5], [3.0, 4.0]])


def check(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise SystemExit(f"{what}: expected {expected}, got {found}")


def response(result: Any) -> Any:
    if not result.success:
        raise SystemExit(result.msg)
    found = result.response
    return found if isinstance(found, dict) else json_format.MessageToDict(found)


def main() -> None:
    for transport, endpoint in ENDPOINTS.items():
        client = SeldonClient(
            transport=transport, microservice_endpoint=endpoint, client_return_type="proto"
        )
        for payload in ["ndarray", "tensor"]:
            for method in ["predict", "transform-input", "transform-output"]:
                result = client.microservice(method=method, data=ARRAY, payload_type=payload)
                data = response(result)["data"]
                found = data["ndarray"] if payload == "ndarray" else data["tensor"]["values"]
                expected = ARRAY.tolist() if payload == "ndarray" else ARRAY.ravel().tolist()
                check(f"{transport} {payload} {method}", found, expected)
        names = client.microservice(method="predict", data=ARRAY, names=["a", "b"])
        check("names", response(names)["data"]["names"], ["t:0", "t:1"])
        result = client.microservice(method="predict", str_data="größer")
        check("strData", response(result)["strData"], "größer")
        result = client.microservice(method="predict", bin_data=b"\x00\x01\xff")
        check("binData", response(result)["binData"], "AAH/")
        result = client.microservice(method="predict", json_data={"a": [1.0, None]})
        check("jsonData", response(result)["jsonData"], {"a": [1.0, None]})
        result = client.microservice(method="route", data=ARRAY, payload_type="tensor")
        check("route", response(result)["data"]["tensor"]["values"], [1.0])
        result = client.microservice(method="aggregate", datas=[ARRAY, ARRAY], ndatas=2)
        check("aggregate", response(result)["data"]["tensor"]["values"], ARRAY.ravel().tolist())
        text = prediction_pb2.SeldonMessage(strData="a")
        result = client.microservice_feedback(text, text, reward=0.5)
        check("feedback", response(result)["strData"], "received")
    print("SeldonClient", importlib.metadata.version("seldon-core"))


main()
