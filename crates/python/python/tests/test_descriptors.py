"""A worker and its children have no descriptor that they do not need."""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from tests.support import item, predict
from tests.test_worker import Worker

MODEL = """
    import os, subprocess, sys

    LIST = (
        "import os; print([n for n in map(int, os.listdir('/proc/self/fd')) if n > 2 and "
        "os.path.exists(f'/proc/self/fd/{n}')])"
    )


    class Model:
        def predict(self, X, names):
            folder = "/proc/self/fd"
            numbers = [int(name) for name in os.listdir(folder)]
            kinds = {}
            for number in numbers:
                try:
                    kinds[number] = os.readlink(f"{folder}/{number}").partition(":")[0]
                except OSError:
                    pass  # The one of the list.
            # Whatever is not marked, the child would get.
            child = subprocess.run(
                [sys.executable, "-S", "-E", "-c", LIST], close_fds=False, stdout=subprocess.PIPE
            )
            return {"own": kinds, "child": child.stdout.decode().strip()}
"""

# What a process that it forks has open of sockets.
FORKS = """
    import os


    class Model:
        def predict(self, X, names):
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                found = []
                for number in os.listdir("/proc/self/fd"):
                    try:
                        found.append(os.readlink(f"/proc/self/fd/{number}").partition(":")[0])
                    except OSError:
                        pass  # The one of the list.
                os.write(writer, str(found.count("socket")).encode())
                os._exit(0)
            os.close(writer)
            os.waitpid(child, 0)
            with open(reader) as file:
                return {"sockets": file.read()}
"""


@unittest.skipUnless(sys.platform == "linux", "the list of descriptors is Linux's")
class Descriptors(unittest.TestCase):
    def test_none_is_inherited_that_is_not_needed(self) -> None:
        # As of a shell that has started the server.
        reader, writer = os.pipe()
        for end in (reader, writer):
            os.set_inheritable(end, True)
            self.addCleanup(os.close, end)
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Model.py").write_text(textwrap.dedent(MODEL))
            worker = Worker(folder, threads=2, inherited=[reader, writer])
            worker.data[0].sendall(predict(item(3, b"x")))
            found = worker.response().json
            self.assertEqual(worker.end()[0], 0)
        own = dict(found["own"])
        self.assertEqual([own.pop(number) for number in "012"], ["/dev/null", "pipe", "pipe"])
        # The control socket and the data sockets; some interpreters have opened a source of
        # randomness for themselves.
        rest = [kind for kind in own.values() if kind != "/dev/urandom"]
        self.assertEqual(rest, ["socket"] * 3)
        self.assertEqual(found["child"], "[]")

    def test_processes_that_the_component_forks_have_no_sockets(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "Model.py").write_text(textwrap.dedent(FORKS))
            worker = Worker(folder, threads=2)
            for number in range(2):
                worker.data[0].sendall(predict(item(3, b"x"), number))
                self.assertEqual(worker.response().json, {"sockets": "0"})
            self.assertEqual(worker.end()[0], 0)


if __name__ == "__main__":
    unittest.main()
