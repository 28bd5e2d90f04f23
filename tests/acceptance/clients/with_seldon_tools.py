"""The programs that seldon-core brings, as they are called from a shell.

`with_seldon_tools.py NAME` calls one of them in every way that its help names. Random data are the
same each time, so that a new recording differs only where the program does.
"""

from __future__ import annotations

import http.client
import http.server
import importlib.metadata
import json
import os
import re
import sys
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any, Iterator

import numpy as np

REST = os.environ["REST"].split("//")[1]
GRPC = os.environ["GRPC"]
CONTRACT = "contract.json"
ROWS = [[[1.0, 2.5]], [[3.0, 4.0]], [[5.0, 6.0]]]
TEXTS = ["a", "größer"]
VALUES = [{"a": [1.0, None]}, "text"]


def run(program: str, arguments: list[str]) -> None:
    """Calls the program's entry point; whatever ends it but success ends this."""
    points: Any = importlib.metadata.distribution("seldon-core").entry_points
    main = next(point for point in points if point.name == program).load()
    sys.argv = [program, *arguments]
    np.random.seed(0)
    try:
        main()
    except SystemExit as error:
        if error.code not in (None, 0):
            raise


def address(transport: str) -> list[str]:
    return (GRPC if transport == "grpc" else REST).split(":")


def microservice_tester() -> None:
    for transport in ["rest", "grpc"]:
        for endpoint in ["predict", "transform-input", "send-feedback"]:
            for layout in [[], ["--tensor"]]:
                flags = ["--endpoint", endpoint, "--prnt", "-n", "2", "-b", "3", *layout]
                flags += ["--grpc"] if transport == "grpc" else []
                run("seldon-core-microservice-tester", [CONTRACT, *address(transport), *flags])


class Stripped(http.server.BaseHTTPRequestHandler):
    """What stands before a deployment: takes the prefix off that the program puts on."""

    def do_POST(self) -> None:
        path = re.sub("^/seldon/[^/]+(/[^/]+)?(?=/api/)", "", self.path)
        body = self.rfile.read(int(self.headers["content-length"]))
        connection = http.client.HTTPConnection(REST)
        connection.request("POST", path, body, {"content-type": self.headers["content-type"]})
        response = connection.getresponse()
        content = response.read()
        self.send_response(response.status)
        self.send_header("content-type", response.headers["content-type"])
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        connection.close()

    # The name of the argument is the base class's.
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def api_tester() -> None:
    proxy = http.server.HTTPServer(("127.0.0.1", 0), Stripped)
    threading.Thread(target=proxy.serve_forever, daemon=True).start()
    for transport in ["rest", "grpc"]:
        for layout in [[], ["--tensor"]]:
            host, port = "127.0.0.1", str(proxy.server_port)
            if transport == "grpc":
                host, port = address("grpc")
            flags = ["--prnt", "-n", "2", "-b", "2", *layout]
            flags += ["--grpc"] if transport == "grpc" else []
            run("seldon-core-api-tester", [CONTRACT, host, port, "model", *flags])


def batches() -> Iterator[tuple[list[str], list[Any]]]:
    for payload in ["ndarray", "tensor"]:
        yield ["--data-type", "data", "--payload-type", payload], ROWS
        yield ["--data-type", "data", "--payload-type", payload, "--batch-size", "2"], ROWS
    yield ["--data-type", "str"], TEXTS
    yield ["--data-type", "json"], VALUES
    yield ["--data-type", "raw"], [{"data": {"ndarray": row}} for row in ROWS]


def batch_processor() -> None:
    counter = iter(range(1 << 20))
    for transport in ["rest", "grpc"]:
        for flags, lines in batches():
            # Its ids hold the address of this machine and the time.
            uuid.uuid1 = lambda *_, **__: uuid.UUID(int=next(counter))
            with tempfile.TemporaryDirectory() as folder:
                given, got = Path(folder, "in"), Path(folder, "out")
                given.write_text("".join(json.dumps(line) + "\n" for line in lines))
                call = ["--deployment-name", "model", "--gateway-type", "seldon"]
                call += ["--host", ":".join(address(transport)), "--transport", transport]
                call += ["--input-data-path", str(given), "--output-data-path", str(got)]
                call += ["--workers", "1", "--batch-id", "batch", "--use-ssl", "false", *flags]
                run("seldon-batch-processor", call)
                results = [json.loads(line) for line in got.read_text().splitlines()]
            failed = [one for one in results if one.get("status", {}).get("status") == "FAILURE"]
            if failed or len(results) != len(lines):
                raise SystemExit(f"{transport} {flags}: {results}")


TOOLS = {
    "microservice-tester": microservice_tester,
    "api-tester": api_tester,
    "batch-processor": batch_processor,
}

name = sys.argv[1]
TOOLS[name]()
print("seldon-core's", name, importlib.metadata.version("seldon-core"))
