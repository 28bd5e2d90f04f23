"""MLServer's command line client, ``mlserver infer``: files of requests, one by one and merged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

REST = os.environ["REST"].removeprefix("http://")
MODEL = "Mirror"
COUNT = 6


def check(what: str, found: Any, expected: Any) -> None:
    """Stop the client if a response is another one."""
    if found != expected:
        raise SystemExit(f"{what}: expected {expected}, got {found}")


def rows(number: int) -> list[float]:
    """The row of a request."""
    return [number + 0.5, 2.0 * number]


def infer(folder: Path, arguments: list[str]) -> list[Any]:
    """Run the client, and give what it wrote, in the order of the requests."""
    requests, responses = folder / "requests", folder / "responses"
    lines = [
        {
            "id": f"r-{number}",
            "inputs": [{"name": "rows", "shape": [1, 2], "datatype": "FP64", "data": rows(number)}],
        }
        for number in range(COUNT)
    ]
    requests.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    program = Path(sys.executable).with_name("mlserver")
    # One worker: what it sends is in the same order each time.
    files = ["-i", str(requests), "-o", str(responses), "-w", "1"]
    subprocess.run(
        [program, "infer", "-u", REST, "-m", MODEL, *files, *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    found = [json.loads(line) for line in responses.read_text(encoding="utf-8").splitlines()]
    return sorted(found, key=lambda response: str(response["id"]))


def main() -> None:
    """Merged or not, as JSON or raw. It has no gRPC yet."""
    for name, arguments in [
        ("JSON", []),
        ("three at once", ["--batch-size", "3"]),
        ("raw tensors", ["--binary-data"]),
        ("raw tensors, three at once", ["--binary-data", "--batch-size", "3"]),
    ]:
        with tempfile.TemporaryDirectory() as folder:
            responses = infer(Path(folder), arguments)
        check(f"{name}: count", len(responses), COUNT)
        for number, response in enumerate(responses):
            (output,) = response["outputs"]
            check(f"{name}: shape", output["shape"], [1, 2])
            check(f"{name}: datatype", output["datatype"], "FP64")
            check(f"{name}: data", output["data"], rows(number))
    print("mlserver", version("mlserver"))


main()
