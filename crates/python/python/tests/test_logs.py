"""What is logged and printed, within requests and between them."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import current, logs

from tests.support import TIMEOUT, Server, item

PACKAGES = Path(__file__).resolve().parents[1]
TEXT = item(3, b"x")


class Prints:
    """Runs a test's function during a request."""

    def __init__(self, work: Any) -> None:
        self.work = work

    def predict(self, X: Any, names: Any) -> Any:
        self.work()
        return "done"


def stream(buffer: Any = None) -> logs.TaggedStream:
    return logs.TaggedStream(
        io.BytesIO() if buffer is None else buffer,
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


def written(stream: logs.TaggedStream) -> str:
    stream.flush()
    made = stream.buffer
    assert isinstance(made, io.BytesIO)
    return made.getvalue().decode()


def run(work: Any, context: bytes = b"a-1") -> None:
    """Runs `work` within a request of this context."""
    with Server(Prints(work)) as server:
        response = server.call(TEXT, context=context)
        assert response.body == b"done", response.error


def line(text: str, request: str = "a-1") -> str:
    return f"\x1f\x1f\x1f{request}\x1f{text}\n"


class Streams(unittest.TestCase):
    def printed(self, work: Any, context: bytes = b"a-1") -> str:
        out = stream()
        run(lambda: work(out), context)
        return written(out)

    def test_between_requests_it_is_an_ordinary_stream(self) -> None:
        out = stream()
        self.assertEqual(out.write("a\nb"), 3)
        self.assertEqual(written(out), "a\nb")
        self.assertEqual(self.printed(lambda out: out.write("a\nb"), b""), "a\nb")

    def test_every_line_has_the_request_s_id(self) -> None:
        def work(out: Any) -> None:
            print("one", 1, file=out)
            print("two\nthree", file=out)
            print(file=out)
            out.writelines(["four\n", "five\r\n"])
            self.assertEqual(out.write("six \u00e9\udc80\n"), 7)

        lines = ["one 1", "two", "three", "", "four", "five\r", "six \u00e9\\udc80"]
        self.assertEqual(self.printed(work), "".join(map(line, lines)))

    def test_a_line_is_gathered_until_it_ends_or_the_request_does(self) -> None:
        def work(out: Any) -> None:
            for part in ("a", "b", "c\nd", "e", "\nf"):
                out.write(part)
                out.flush()

        self.assertEqual(self.printed(work), line("abc") + line("de") + line("f"))

    def test_only_the_id_of_a_traced_request_is_printed(self) -> None:
        def work(out: Any) -> None:
            print("x", file=out)

        self.assertEqual(self.printed(work, b"b\n00-1-2-01"), line("x", "b"))

    def test_each_request_finishes_its_own_lines(self) -> None:
        out = stream()
        with Server(Prints(lambda: out.write("x"))) as server:
            for context in (b"a", b"b", b"", b"c"):
                server.call(TEXT, context=context)
        self.assertEqual(written(out), line("x", "a") + line("x", "b") + "x" + line("x", "c"))

    def test_requests_at_the_same_time_do_not_mix(self) -> None:
        out = stream()
        meet = threading.Barrier(2, timeout=TIMEOUT)

        def work() -> None:
            for part in ("a", "b", "c\n"):
                meet.wait()
                out.write(part)

        servers = [Server(Prints(work)) for _ in range(2)]
        threads = [
            threading.Thread(target=server.call, args=(TEXT,), kwargs={"context": name})
            for server, name in zip(servers, (b"1", b"2"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT)
        for server in servers:
            server.close()
        lines = written(out).splitlines(keepends=True)
        self.assertEqual(sorted(lines), [line("abc", "1"), line("abc", "2")])

    def test_threads_of_the_component_have_no_request(self) -> None:
        def work(out: Any) -> None:
            thread = threading.Thread(target=out.write, args=("theirs\n",))
            thread.start()
            thread.join()
            out.write("mine\n")

        self.assertEqual(self.printed(work), "theirs\n" + line("mine"))

    def test_a_line_without_end_is_written_in_parts(self) -> None:
        def work(out: Any) -> None:
            for _ in range(1000):
                out.write("x" * 100)
                kept = current.threads.current.unfinished.get(out, "")
                self.assertLessEqual(len(kept), logs.LONGEST)

        text = self.printed(work)
        self.assertEqual(text.count("x"), 100_000)
        self.assertEqual(text.count("\n"), 2)

    def test_a_closed_stream_does_not_fail_the_request(self) -> None:
        def work(out: Any) -> None:
            out.write("never to end")
            out.close()

        run(lambda: work(stream()))

    def test_a_wrong_argument_raises_in_the_component(self) -> None:
        def work(out: Any) -> None:
            with self.assertRaises(TypeError):
                out.write(b"bytes")

        self.printed(work)

    def test_it_has_the_attributes_of_the_stream_before(self) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        before = os.fdopen(writer, "w", encoding="latin-1")
        out = logs._tagged(before)
        self.assertEqual((out.fileno(), out.isatty(), out.name), (writer, False, writer))
        self.assertEqual((out.mode, out.encoding), ("w", "utf-8"))
        self.assertEqual((out.errors, out.line_buffering), ("backslashreplace", True))
        self.assertIs(out.buffer, before.buffer)
        out.reconfigure(write_through=True)
        self.assertTrue(out.write_through)
        before.close()


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` in a process of its own."""
    code = f"import gc, io, os, sys\nsys.path.insert(0, {str(PACKAGES)!r})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


class Replaced(unittest.TestCase):
    """A component may replace the standard streams of its process."""

    def output(self, code: str) -> list[str]:
        ran = python(f"from streeling_worker import logs\nlogs.replace_streams()\n{code}")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        return [ran.stdout, ran.stderr]

    def test_for_a_while(self) -> None:
        code = """
sys.stdout = open(os.devnull, "w")
sys.stderr = open(os.devnull, "w")
print("discarded")
gc.collect()
sys.stdout = sys.__stdout__
sys.stderr = sys.__stderr__
print("out")
print("err", file=sys.stderr)
"""
        self.assertEqual(self.output(code), ["out\n", "err\n"])

    def test_by_those_of_the_interpreter(self) -> None:
        code = """
sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
gc.collect()
print("out")
print("err", file=sys.stderr)
assert type(sys.stdout) is type(sys.stderr) is logs.TaggedStream
"""
        self.assertEqual(self.output(code), ["out\n", "err\n"])

    def test_by_one_of_the_same_buffer(self) -> None:
        code = """
sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", line_buffering=True)
gc.collect()
print("\\u00e9")
"""
        self.assertEqual(self.output(code), ["\u00e9\n", ""])

    def test_by_one_that_writes_to_the_interpreter_s(self) -> None:
        code = """
class Tee:
    def write(self, text):
        sys.__stderr__.write(text)
        return sys.__stdout__.write(text)

    def flush(self):
        sys.__stdout__.flush()

sys.stdout = Tee()
sys.stderr = None
gc.collect()
print("both")
"""
        self.assertEqual(self.output(code), ["both\n", "both\n"])

    def test_a_fault_that_cannot_be_printed_ends_the_worker(self) -> None:
        code = """
import threading, time
from streeling_worker import main
sys.stderr.close()
threading.Thread(target=main.serve_or_die, args=(None, None), daemon=True).start()
time.sleep(30)
"""
        self.assertEqual(python(code).returncode, 4)


class Records(unittest.TestCase):
    def test_a_record_has_the_id_of_its_request(self) -> None:
        reader, writer = os.pipe()
        log = logging.getLogger("streeling.tests")
        log.propagate = False
        handler = logs.LogHandler(writer)
        log.addHandler(handler)
        self.addCleanup(log.removeHandler, handler)
        run(lambda: log.warning("two\nlines"), b"a-1\n00-1-2-01")
        run(lambda: log.error("none"), b"")
        log.error("between")
        os.close(writer)
        with os.fdopen(reader, encoding="utf-8") as pipe:
            self.assertEqual(
                pipe.read(),
                "\x1f30\x1fstreeling.tests\x1fa-1\x1ftwo\x1elines\n"
                "\x1f40\x1fstreeling.tests\x1f\x1fnone\n"
                "\x1f40\x1fstreeling.tests\x1f\x1fbetween\n",
            )


if __name__ == "__main__":
    unittest.main()
