"""The stacks of all threads, with and without the interpreter lock."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import stacks

from tests.support import PYTHON, TIMEOUT

PROGRAM = """
import signal, sys, threading, time
sys.path.insert(0, {folder!r})
from streeling_worker import stacks

def freeze():
    sum(range(10**15))

def handle(number, frame):
    print("handled", flush=True)

def rest():
    while True:
        time.sleep(0.01)

if {before!r}:
    signal.signal(stacks.SIGNAL, handle)
stacks.take({pipe})
threading.Thread(target=rest, daemon=True).start()
print("there", flush=True)
if {writes!r}:
    stacks.write()
    rest()
freeze()
"""


class Process:
    """A process that runs the program above, and what it writes to the pipe."""

    def __init__(self, before: bool = False, writes: bool = False) -> None:
        self._pipe, theirs = os.pipe()
        program = PROGRAM.format(folder=str(PYTHON), pipe=theirs, before=before, writes=writes)
        self.process = subprocess.Popen(
            [sys.executable, "-c", program],
            pass_fds=(theirs,),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs)
        assert self.process.stdout is not None
        self.out = self.process.stdout
        self.out.readline()

    def read_until(self, text: bytes) -> bytes:
        """What comes through the pipe, to the end of this text at least."""
        read = b""
        until = time.monotonic() + TIMEOUT
        while text not in read:
            assert time.monotonic() < until, read
            read += self.read()
        return read

    def read(self) -> bytes:
        """What comes through the pipe within a second."""
        return os.read(self._pipe, 1 << 16) if select.select([self._pipe], [], [], 1)[0] else b""

    def is_silent(self) -> bool:
        return not select.select([self._pipe], [], [], 0.2)[0]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.out.close()
        os.close(self._pipe)


@unittest.skipUnless(stacks.SIGNAL, "there is no such signal on this system")
class Stacks(unittest.TestCase):
    def process(self, **options: bool) -> Process:
        process = Process(**options)
        self.addCleanup(process.end)
        return process

    def test_they_are_written_while_native_code_holds_the_lock(self) -> None:
        process = self.process()
        # It may not be in the native call yet, and then another stack comes.
        read = b""
        until = time.monotonic() + TIMEOUT
        while b"in freeze" not in read:
            self.assertLess(time.monotonic(), until, read)
            process.process.send_signal(stacks.SIGNAL)
            read += process.read()
        self.assertIsNone(process.process.poll())

    def test_with_the_lock_they_end_with_a_mark_and_are_those_of_all_threads(self) -> None:
        read = self.process(writes=True).read_until(stacks.END)
        self.assertTrue(read.endswith(stacks.END))
        self.assertIn(b"in write", read)
        self.assertIn(b"in rest", read)

    def test_a_handler_of_the_components_own_stays(self) -> None:
        process = self.process(before=True, writes=True)
        process.read_until(stacks.END)
        process.process.send_signal(stacks.SIGNAL)
        self.assertEqual(process.out.readline(), b"handled\n")
        self.assertTrue(process.is_silent())

    def test_a_pipe_that_is_not_read_holds_up_nobody(self) -> None:
        own, theirs = os.pipe()
        self.addCleanup(os.close, own)
        self.addCleanup(os.close, theirs)
        self.addCleanup(setattr, stacks, "_pipe", stacks._pipe)
        # The signal's handler is not for the process of the tests.
        before = signal.signal(stacks.SIGNAL, lambda *_: None)
        self.addCleanup(signal.signal, stacks.SIGNAL, before)
        stacks.take(theirs)
        for _ in range(1000):
            stacks.write()


if __name__ == "__main__":
    unittest.main()
