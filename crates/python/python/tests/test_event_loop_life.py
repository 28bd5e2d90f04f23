"""The event loop of a worker: from its load to its end."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from tests.support import (
    FRAME,
    TEXT,
    Response,
    frame,
    receive,
)
from tests.test_worker import Process, Worker, load, send_descriptors

MODEL = """
    import asyncio, os
    from pathlib import Path

    HERE = Path(__file__).parent

    class Model:
        def __init__(self):
            self.process = os.getpid()

        async def load(self):
            self.loads = getattr(self, "loads", 0) + 1
            self.lock = asyncio.Lock()
            self.loop = asyncio.get_running_loop()
            self.background = asyncio.ensure_future(self.work())
            await asyncio.sleep(0.001)
            if (HERE / "fail").exists():
                raise ValueError("cannot")

        async def work(self):
            try:
                while True:
                    await asyncio.sleep(10)
            finally:
                await asyncio.sleep(0.001)
                (HERE / "ended").touch()

        async def init_metadata(self):
            await asyncio.sleep(0.001)
            return {"name": "awaited"}

        async def predict(self, X, names):
            async with self.lock:
                await asyncio.sleep(0.001)
            print("part of", end=" ")
            await asyncio.sleep(0.001)
            print("a line")
            return {
                "loads": self.loads,
                "same": self.loop is asyncio.get_running_loop(),
                "forked": self.process != os.getpid(),
            }
"""


class Life(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        Path(self.folder, "Model.py").write_text(textwrap.dedent(MODEL))

    def test_load_is_awaited_on_the_loop_of_the_requests(self) -> None:
        for load_in in ("worker", "template"):
            worker = Worker(self.folder, load_in=load_in)
            self.assertTrue(worker.ready["awaits"])
            self.assertEqual(worker.ready["metadata"]["name"], "awaited")
            worker.data[0].sendall(frame(6, TEXT, 1, 1, context=b"a-1"))
            found = {"loads": 1, "same": True, "forked": False}
            self.assertEqual(worker.response().json, found)
            code, out, err = worker.end()
            self.assertEqual((code, out, err), (0, "part of a line\n", ""))
            # Tasks are ended in order.
            Path(self.folder, "ended").unlink()

    @unittest.skipUnless(sys.platform == "linux", "the tests' process adopts the worker")
    def test_a_forked_worker_has_a_loop_of_its_own(self) -> None:
        with contextlib.ExitStack() as after:
            prctl = ctypes.CDLL(None).prctl
            # PR_SET_CHILD_SUBREAPER
            prctl(36, 1)
            after.callback(prctl, 36, 0)
            template = Process(self.folder, fork=True, load_in="template")
            control, theirs = socket.socketpair()
            reader, writer = os.pipe()
            packed = [theirs.fileno(), writer, writer]
            send_descriptors(template.control, 11, packed)
            theirs.close()
            os.close(writer)
            head = FRAME.unpack(receive(control, FRAME.size))
            pid = json.loads(receive(control, head[0]))["pid"]
            (data, *_), ready = load(control)
            self.assertTrue(ready["awaits"])
            data.sendall(frame(6, TEXT, 1, 1))
            head = FRAME.unpack(receive(data, FRAME.size))
            found = Response(head, receive(data, head[0])).json
            self.assertEqual(found, {"loads": 1, "same": True, "forked": True})
            data.close()
            self.assertEqual(os.waitpid(pid, 0), (pid, 0))
            control.close()
            os.close(reader)
            self.assertTrue(Path(self.folder, "ended").exists())
            code, _, err = template.end()
            self.assertEqual((code, err), (0, ""), "nothing was left unawaited")

    def test_a_load_that_fails_is_a_failed_start(self) -> None:
        Path(self.folder, "fail").touch()
        worker = Worker(self.folder)
        self.assertEqual((worker.ready["kind"], worker.ready["stage"]), (5, "load"))
        self.assertEqual(worker.ready["message"], "ValueError: cannot")
        self.assertIn("Model.py", worker.ready["traceback"].splitlines()[1])
        code, _, err = worker.end()
        self.assertEqual((code, err), (3, ""))

    def test_the_server_cancels_over_the_control_socket(self) -> None:
        Path(self.folder, "Model.py").write_text(
            textwrap.dedent(
                """
                import asyncio

                class Model:
                    async def predict(self, X, names):
                        print("entered", flush=True)
                        await asyncio.sleep(600)
                """
            )
        )
        worker = Worker(self.folder)
        worker.data[0].sendall(frame(6, TEXT, 1, 1, identity=7))
        output = worker.process.stdout
        assert output is not None
        self.assertEqual(output.readline(), b"entered\n")
        worker.control.sendall(frame(18, b'{"id":8}') + frame(18, b'{"id":7}'))
        error = worker.response().error
        self.assertEqual(error["kind"], "deadline")
        self.assertIn("its caller has left", error["info"])
        self.assertEqual(worker.end()[0], 0)

    def test_the_components_own_server_is_awaited(self) -> None:
        Path(self.folder, "Model.py").write_text(
            textwrap.dedent(
                """
                import asyncio

                class Model:
                    async def custom_service(self):
                        await asyncio.sleep(0.001)
                        print("served")
                """
            )
        )
        worker = Worker(self.folder, threads=0)
        code, out, _ = worker.end()
        self.assertEqual((code, out), (0, "served\n"))


if __name__ == "__main__":
    unittest.main()
