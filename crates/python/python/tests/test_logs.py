"""What is logged and printed, within requests and between them."""

from __future__ import annotations

import io
import json
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


def stream(buffer: Any = None) -> logs.LineStream:
    return logs.LineStream(
        io.BytesIO() if buffer is None else buffer,
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=True,
    )


def written(stream: logs.LineStream) -> str:
    stream.flush()
    made = stream.buffer
    assert isinstance(made, io.BytesIO)
    return made.getvalue().decode()


def run(work: Any, context: bytes = b"a-1") -> None:
    """Runs `work` within a request of this context."""
    with Server(Prints(work)) as server:
        response = server.call(TEXT, context=context)
        assert response.body == b"done", response.error


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

    def test_what_is_printed_is_unchanged(self) -> None:
        def work(out: Any) -> None:
            print("one", 1, file=out)
            print("two\nthree", file=out)
            print(file=out)
            out.writelines(["four\n", "five\r\n"])
            self.assertEqual(out.write("six \u00e9\udc80\n"), 7)
            out.write("seven")

        expected = "one 1\ntwo\nthree\n\nfour\nfive\r\nsix \u00e9\\udc80\nseven"
        self.assertEqual(self.printed(work), expected)

    def test_a_line_is_gathered_until_it_ends(self) -> None:
        buffer = io.BytesIO()

        def work() -> None:
            out.write("a")
            out.write("b")
            self.assertEqual(buffer.getvalue(), b"")
            out.write("c\nd")
            self.assertEqual(buffer.getvalue(), b"abc\n")
            out.flush()
            self.assertEqual(buffer.getvalue(), b"abc\nd")
            out.write("e")

        out = stream(buffer)
        run(work)
        self.assertEqual(written(out), "abc\nde")

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
        self.assertEqual(written(out), "abc\nabc\n")

    def test_threads_of_the_component_print_as_ever(self) -> None:
        def work(out: Any) -> None:
            out.write("mi")
            thread = threading.Thread(target=out.write, args=("theirs\n",))
            thread.start()
            thread.join()
            out.write("ne\n")

        self.assertEqual(self.printed(work), "theirs\nmine\n")

    def test_a_line_without_end_is_written_in_parts(self) -> None:
        def work(out: Any) -> None:
            for _ in range(1000):
                out.write("x" * 100)
                kept = current.threads.current.unfinished.get(out, "")
                self.assertLessEqual(len(kept), logs.LONGEST)

        self.assertEqual(self.printed(work), "x" * 100_000)

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
        out = logs._gathering(before)
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
        both = []
        for several in (True, False):
            start = f"from streeling_worker import logs\nlogs.prepare_streams({several})\n"
            ran = python(start + code)
            self.assertEqual(ran.returncode, 0, ran.stderr)
            both.append([ran.stdout, ran.stderr])
        self.assertEqual(both[0], both[1])
        return both[0]

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
threading.Thread(target=main.serve_or_die, args=(None, None, None), daemon=True).start()
time.sleep(30)
"""
        self.assertEqual(python(code).returncode, 4)


class Records(unittest.TestCase):
    def setUp(self) -> None:
        reader, self.writer = os.pipe()
        self.pipe = os.fdopen(reader, encoding="utf-8", newline="")
        self.addCleanup(self.pipe.close)
        self.log = logging.getLogger("streeling.tests")
        self.log.propagate = False
        self.log.setLevel("DEBUG")

    def handle(self, as_json: bool) -> None:
        handler = logs.LogHandler(3, as_json, self.writer)
        self.log.addHandler(handler)
        self.addCleanup(self.log.removeHandler, handler)

    def written(self) -> list[str]:
        os.close(self.writer)
        return self.pipe.read().splitlines(keepends=True)

    def test_fields_stand_on_the_first_line_with_the_request_s_id(self) -> None:
        self.handle(as_json=False)
        run(lambda: self.log.warning("two\nli\rnes"), b"a-1\n00-1-2-01")
        run(lambda: self.log.critical("no\x1b[2Jne\t\u00e9"), b"")
        self.log.log(15, "between")
        lines = self.written()
        moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
        fields = 'worker=3 logger="streeling.tests"'
        for line, text in zip(
            [lines[0], *lines[2:]],
            (
                f" WARN streeling::worker: two {fields} request_id=a-1\n",
                f"ERROR streeling::worker: no\\x1b[2Jne\t\u00e9 {fields}\n",
                f"DEBUG streeling::worker: between {fields}\n",
            ),
        ):
            self.assertRegex(line, moment)
            self.assertEqual(line[len("2026-01-01T00:00:00.000000Z ") :], text)
        self.assertEqual((lines[1], len(lines)), ("    li\\rnes\n", 4))

    def test_an_object_has_what_the_record_was_given_besides(self) -> None:
        self.handle(as_json=True)
        loop: list[Any] = []
        loop.append(loop)
        extra = {
            "order": {"id": 7, "price": 1.5},
            "worker": "mine",
            "error": ValueError("\u00e9\udc80"),
            "nan": float("nan"),
            "loop": loop,
        }
        run(lambda: self.log.warning("two\nlines %s", "\u00e9", extra=extra))
        try:
            raise KeyError("x")
        except KeyError:
            self.log.exception("failed")
        first, second = map(json.loads, self.written())
        moment = first.pop("timestamp")
        self.assertRegex(moment, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
        self.assertEqual(
            first,
            {
                "level": "WARN",
                "message": "two\nlines \u00e9",
                "worker": 3,
                "logger": "streeling.tests",
                "target": "streeling::worker",
                "request_id": "a-1",
                "order": {"id": 7, "price": 1.5},
                "extra_worker": "mine",
                "error": "\u00e9\udc80",
                "nan": "nan",
                "loop": "[[...]]",
            },
        )
        names = ["level", "logger", "message", "target", "timestamp", "worker"]
        self.assertEqual(sorted(second), names)
        self.assertTrue(second["message"].endswith("KeyError: 'x'"), second)

    def test_what_was_printed_before_comes_before(self) -> None:
        code = """
import logging
from streeling_worker import logs
logs.prepare_streams(False)
logs.install("INFO", 0, False)
sys.stderr.write("one ")
logging.warning("two")
sys.stderr.write("three\\n")
sys.stderr.close()
logging.warning("four")
"""
        ran = python(code)
        self.assertRegex(ran.stderr, r"^one .* two .*\nthree\n.* four ")

    def test_levels_that_the_component_sets_count(self) -> None:
        code = """
import logging
from streeling_worker import logs
logs.install("WARNING", 0, False)
logging.getLogger("mine").setLevel("DEBUG")
logging.getLogger("mine").debug("detail")
logging.info("nothing")
"""
        ran = python(code)
        self.assertRegex(ran.stderr, r"^[^\n]* DEBUG streeling::worker: detail [^\n]*\n$")


if __name__ == "__main__":
    unittest.main()
