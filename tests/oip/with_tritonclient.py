"""Drives a server of the component `Tensors` by Triton's own client, and says what came back.

    with_tritonclient.py TRANSPORT HOST:PORT MODEL [binary] [asyncio]

TRANSPORT is `http` or `grpc`. With `binary`, tensors go as raw bytes over HTTP in both directions
(over gRPC they always do). Standard output gets a JSON object: for each call what the response has,
or the text of its error.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any

import numpy as np
from tritonclient.utils import InferenceServerException, np_to_triton_dtype


class Client:
    """The client of a transport, whose calls may be coroutines."""

    def __init__(self, transport: str, address: str, model: str, options: set[str]) -> None:
        name = f"tritonclient.{transport}"
        self.is_http = transport == "http"
        self.is_binary = "binary" in options
        self.model = model
        self.module: Any = importlib.import_module(name)
        client = importlib.import_module(f"{name}.aio") if "asyncio" in options else self.module
        self.loop = asyncio.new_event_loop()
        self.is_async = client is not self.module
        self.client = self.made(lambda: client.InferenceServerClient(address))

    def made(self, call: Any) -> Any:
        """What a call returns, if need be at the end of a coroutine."""

        async def run() -> Any:
            result = call()
            return await result if asyncio.iscoroutine(result) else result

        return self.loop.run_until_complete(run()) if self.is_async else call()

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        return self.made(lambda: getattr(self.client, name)(*args, **options))

    def infer(self, inputs: dict[str, Any], outputs: tuple[str, ...] = (), **options: Any) -> Any:
        """What a response has; `inputs` are arrays by name."""
        kind = {"binary_data": self.is_binary} if self.is_http else {}
        tensors = []
        for name, array in inputs.items():
            datatype = np_to_triton_dtype(array.dtype)
            tensor = self.module.InferInput(name, list(array.shape), datatype)
            tensor.set_data_from_numpy(array, **kind)
            tensors.append(tensor)
        requested = [self.module.InferRequestedOutput(name, **kind) for name in outputs]
        result = self.call("infer", self.model, tensors, outputs=requested or None, **options)
        return self.described(result)

    def described(self, result: Any) -> Any:
        response = result.get_response()
        if self.is_http:
            parameters = response.get("parameters", {})
            outputs = {one["name"]: one["datatype"] for one in response["outputs"]}
            identity = response.get("id", "")
            names = [response["model_name"], response.get("model_version", "")]
        else:
            parameters = {
                name: getattr(value, value.WhichOneof("parameter_choice"))
                for name, value in response.parameters.items()
            }
            outputs = {one.name: one.datatype for one in response.outputs}
            identity = response.id
            names = [response.model_name, response.model_version]
        return {
            "model": names,
            "id": identity,
            "parameters": dict(parameters),
            "outputs": {
                name: [datatype, *plain(result.as_numpy(name))]
                for name, datatype in outputs.items()
            },
        }


def plain(array: Any) -> tuple[list[int], Any]:
    """The shape and the elements of an array, bytes as text."""
    values = array.reshape(-1).tolist()
    values = [one.decode() if isinstance(one, bytes) else one for one in values]
    return list(array.shape), values


def text(word: str) -> dict[str, Any]:
    """A single text without a shape's sides, or the nearest that a client can send."""
    return {"word": np.array(word.encode(), object)}


def calls(client: Client) -> dict[str, Any]:
    """Every call, by name."""
    rows = np.array([[0.5, -1], [2, 1e9]], "float32")
    arrays = {
        name: np.array([[1, 0], [1, 1]]).astype(name)
        for name in (
            *("bool", "int8", "int16", "int32", "int64"),
            *("uint8", "uint16", "uint32", "uint64", "float32", "float64"),
        )
    }
    words = np.array(["a", "\u00e9", ""], object)
    half = np.array([0.5, -2], "float16")
    found: dict[str, Any] = {
        name: lambda array=array: client.infer({"x": array}) for name, array in arrays.items()
    }
    found.update(
        {
            "words": lambda: client.infer({"x": words}),
            "columns": lambda: client.infer(
                {"a": np.array([1, 2]), "b": rows[:, :1], "c": np.array([0.5, 1.5], "float32")}
            ),
            "mixed": lambda: client.infer({"a": np.array([1, 2]), "b": words[:2]}),
            "named": lambda: client.infer({"matrix": rows, "word": words}),
            "chosen": lambda: client.infer({"matrix": rows, "word": words}, outputs=("word",)),
            "unknown output": lambda: client.infer({"x": rows, "y": words}, outputs=("z",)),
            "several": lambda: client.infer(text("several")),
            "id and parameters": lambda: client.infer(
                {"x": rows}, request_id="id-1", parameters={"k": 1, "s": "text"}
            ),
            "fail": lambda: client.infer(text("fail")),
            "nothing": lambda: client.infer(text("nothing")),
            "mapping": lambda: client.infer(text("mapping")),
            "dates": lambda: client.infer(text("dates")),
            "text": lambda: client.infer(text("text")),
            "octets": lambda: client.infer(text("octets")),
            "no rows": lambda: client.infer({"x": rows[:0]}),
            "live": lambda: client.call("is_server_live"),
            "ready": lambda: client.call("is_server_ready"),
            "model ready": lambda: client.call("is_model_ready", client.model),
            "other model ready": lambda: client.call("is_model_ready", "other"),
            "reload": lambda: client.call("load_model", client.model),
        }
    )
    if client.is_binary or not client.is_http:
        found["half"] = lambda: client.infer({"x": half})
    return found


def main() -> None:
    transport, address, model, *options = sys.argv[1:]
    client = Client(transport, address, model, set(options))
    found = {}
    for name, call in calls(client).items():
        try:
            found[name] = call()
        except InferenceServerException as error:
            found[name] = error.message()
    client.call("close")
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
