"""A worker process from its bootstrap to its end, with its log."""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import metadata

from tests.support import FRAME, PYTHON, Response, frame, item, predict, receive

MODEL = """
    import logging, os, sys
    from seldon_core.user_model import SeldonComponent, SeldonResponse

    class Model(SeldonComponent):
        def __init__(self, fail=None):
            if fail == "construct":
                raise ValueError("cannot")
            self.fail = fail

        def load(self):
            if self.fail == "load":
                sys.exit("enough")

        def predict(self, X, names):
            print("printed \\u00e9 \\udc80")
            logging.getLogger("mine").warning("two\\nlines %s", X)
            main = sorted(n for n in vars(sys.modules["__main__"]) if not n.startswith("__"))
            return {
                "argv": sys.argv,
                "main": main,
                "file": getattr(sys.modules["__main__"], "__file__", None),
                "first": sys.path[0],
                "last": sys.path[-1],
                "input": sys.stdin.read(),
            }

        def init_metadata(self):
            return {"name": 5} if self.fail == "name" else {"name": "n"}

        def class_names(self):
            return []
"""


def sources() -> dict[str, str]:
    found = {"streeling": (PYTHON / "streeling.py").read_text()}
    for package in ("streeling_worker", "seldon_core"):
        for file in (PYTHON / package).rglob("*.py"):
            parts = file.relative_to(PYTHON).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = file.read_text()
    return found


class Process:
    """A process that has constructed the component, or could not."""

    def __init__(
        self, folder: str, fork: bool = False, inherited: list[int] | None = None, **construct: Any
    ) -> None:
        """It inherits these descriptors, too."""
        self.control, control = socket.socketpair()
        self.process = subprocess.Popen(
            [sys.executable, "-", "Model", "template", " " * 24],
            pass_fds=[control.fileno(), *(inherited or [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        bootstrap = (PYTHON / "bootstrap.py").read_text()
        assert self.process.stdin is not None
        with self.process.stdin as stdin:
            stdin.write(f"{bootstrap}_bootstrap({control.fileno()})\n".encode())
        self.process.stdin = None
        control.close()
        self.control.settimeout(30)
        self.control.sendall(frame(1, json.dumps(sources()).encode()))
        self.hello = read(self.control)
        request = {
            "module": "Model",
            "class": "Model",
            "app_dir": folder,
            "parameters": {},
            "image": None,
            "worker": None if fork else 0,
            "threads": 1,
            "log_level": "INFO",
            "log_format": "text",
            "packages": None,
            "metadata": None,
            "load_in": "worker",
            "fork": fork,
            "server": os.getpid(),
            **construct,
        }
        self.control.sendall(frame(9, json.dumps(request).encode()))
        self.constructed = read(self.control)

    def end(self) -> tuple[int, str, str]:
        self.control.close()
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out.decode(), err.decode()


class Worker(Process):
    """A process that has become a worker."""

    def __init__(self, folder: str, threads: int = 1, **construct: Any) -> None:
        super().__init__(folder, threads=threads, **construct)
        if self.constructed["kind"] == 10:
            self.data, self.ready = load(self.control, threads)
        else:
            self.data, self.ready = [], self.constructed

    def response(self, thread: int = 0) -> Response:
        head = FRAME.unpack(receive(self.data[thread], FRAME.size))
        return Response(head, receive(self.data[thread], head[0]))

    def end(self) -> tuple[int, str, str]:
        for sock in self.data:
            sock.close()
        out, err = self.process.communicate(timeout=30)
        self.control.close()
        return self.process.returncode, out.decode(), err.decode()


def read(control: socket.socket) -> dict[str, Any]:
    head = FRAME.unpack(receive(control, FRAME.size))
    body: dict[str, Any] = json.loads(receive(control, head[0]))
    return {"kind": head[1], **body}


def send_descriptors(control: socket.socket, kind: int, descriptors: list[int]) -> None:
    packed = array.array("i", descriptors)
    control.sendmsg([frame(kind)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])


def load(
    control: socket.socket, threads: int = 1, slot: int = 0
) -> tuple[list[socket.socket], dict[str, Any]]:
    """Makes the process a worker: its data sockets and its `ready` frame."""
    pairs = [socket.socketpair() for _ in range(threads)]
    for ours, theirs in pairs:
        ours.settimeout(30)
        # Several frames are as good as one.
        send_descriptors(control, 13, [theirs.fileno()])
        theirs.close()
    request = {"worker": slot, "threads": threads, "title": ["Model", "REST", str(slot)]}
    control.sendall(frame(3, json.dumps(request).encode()))
    return [ours for ours, _ in pairs], read(control)


class Life(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        Path(self.folder, "Model.py").write_text(textwrap.dedent(MODEL))

    def test_serves_logs_and_ends(self) -> None:
        worker = Worker(self.folder)
        self.assertEqual((worker.hello["kind"], worker.hello["protocol"]), (2, 6))
        self.assertEqual(worker.hello["pid"], worker.process.pid)
        self.assertEqual(worker.ready["kind"], 4)
        self.assertEqual(
            worker.ready["methods"], ["predict", "class_names", "load", "init_metadata"]
        )
        self.assertEqual(worker.ready["metadata"]["name"], "n")
        worker.data[0].sendall(predict(item(3, b"x"), 7))
        response = worker.response()
        self.assertEqual(
            response.json,
            {
                "argv": ["streeling"],
                "main": [],
                "file": None,
                # As a program that was installed with the interpreter has it.
                "first": str(Path(sys.executable).parent),
                "last": self.folder,
                "input": "",
            },
        )
        worker.data[0].sendall(predict(item(3, b"y"), 8, context=b"a-1"))
        worker.response()
        code, out, err = worker.end()
        self.assertEqual((code, out), (0, "printed \u00e9 \\udc80\n" * 2))
        # The real `seldon_core`, where it is installed, logs when it is imported.
        fields = 'two worker=0 logger="mine"'
        self.assertIn(f" WARN streeling::worker: {fields}\n    lines x\n", err)
        self.assertIn(f" WARN streeling::worker: {fields} request_id=a-1\n    lines y\n", err)

    def test_threads(self) -> None:
        worker = Worker(self.folder, threads=3)
        for number in (2, 0, 1):
            worker.data[number].sendall(predict(item(3, b"x"), number))
            self.assertEqual(worker.response(number).identity, number)
        self.assertEqual(worker.end()[0], 0)

    def test_ends_when_the_control_socket_does(self) -> None:
        worker = Worker(self.folder)
        worker.control.close()
        self.assertEqual(worker.process.wait(30), 0)
        worker.end()

    def test_ends_at_a_fault_of_the_server(self) -> None:
        worker = Worker(self.folder)
        worker.data[0].sendall(predict(b"", 1, 99, 0))
        self.assertEqual(worker.process.wait(30), 4)
        self.assertIn("unknown method 99", worker.end()[2])

    def test_start_that_fails(self) -> None:
        for stage, message, load in (
            ("import", "ModuleNotFoundError: No module named 'Absent'", {"module": "Absent"}),
            ("import", "has no attribute 'Absent'", {"class": "Absent"}),
            ("construct", "ValueError: cannot", {"parameters": {"fail": "construct"}}),
            ("construct", "unexpected keyword", {"parameters": {"other": 1}}),
            ("load", "SystemExit: enough", {"parameters": {"fail": "load"}}),
        ):
            with self.subTest(message):
                worker = Worker(self.folder, **load)
                self.assertEqual((worker.ready["kind"], worker.ready["stage"]), (5, stage))
                self.assertIn(message, worker.ready["message"])
                self.assertIn(message.split(": ")[-1], worker.ready["traceback"])
                self.assertNotIn("<streeling>", worker.ready["traceback"])
                self.assertEqual(worker.end()[0], 3)

    def test_bad_metadata_does_not_stop_the_start(self) -> None:
        worker = Worker(self.folder, parameters={"fail": "name"})
        self.assertEqual(worker.ready["kind"], 4)
        self.assertEqual(worker.ready["metadata_error"], "name must be a string, not 5")
        worker.end()
        worker = Worker(self.folder, parameters={"fail": "name"}, metadata={"name": "good"})
        self.assertEqual(worker.ready["metadata"]["name"], "good")
        worker.end()


class Metadata(unittest.TestCase):
    def test_defaults(self) -> None:
        for image, name, version in (
            (None, "", ""),
            ("repo/image:2.5", "repo/image", "2.5"),
            ("host:5000/image", "host:5000/image", ""),
        ):
            built = metadata.build(None, None, image)
            self.assertEqual((built["name"], built["versions"]), (name, [version]))

    def test_good(self) -> None:
        for tensor in (
            {},
            {"name": "i", "datatype": "FP32", "shape": [1, -1]},
            {"messagetype": "tensor", "schema": {"names": ["a"], "shape": [1]}},
            {"messagetype": "jsonData", "schema": {"type": "object"}},
            {"messagetype": "strData"},
            {"messagetype": "carrier-pigeon", "schema": {"a": 1}},
        ):
            with self.subTest(repr(tensor)):
                self.assertEqual(
                    metadata.build({"inputs": [tensor]}, None, None)["inputs"], [tensor]
                )

    def test_bad(self) -> None:
        bad: tuple[dict[str, Any], ...] = (
            {"name": None},
            {"versions": "v"},
            {"versions": [1]},
            {"platform": 1},
            {"extra": 1},
            {"custom": {"a": 1}},
            {"custom": [1]},
            {"inputs": {}},
            {"inputs": [1]},
            {"inputs": [{"datatype": "decimal"}]},
            {"inputs": [{"shape": "1x4"}]},
            {"inputs": [{"shape": [True]}]},
            {"inputs": [{"shape": [1.5]}]},
            {"inputs": [{"foo": 1}]},
            {"inputs": [{"name": "i", "messagetype": "tensor"}]},
            {"outputs": [{"messagetype": 1}]},
            {"outputs": [{"messagetype": "tensor", "schema": {"x": 1}}]},
            {"outputs": [{"messagetype": "strData", "schema": {}}]},
            {"outputs": [{"messagetype": "jsonData", "schema": 1}]},
        )
        for own in bad:
            with self.subTest(repr(own)), self.assertRaises(metadata.BadMetadata):
                metadata.build(own, None, None)


if __name__ == "__main__":
    unittest.main()
