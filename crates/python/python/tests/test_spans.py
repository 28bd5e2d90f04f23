"""OpenTelemetry below the worker: as it is, and with faults."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import spans

from tests.support import Server, item, needs

TEXT = item(3, b"x")
TRACE, SPAN = "000102030405060708090a0b0c0d0e0f", "0011223344556677"


def context(flags: str = "01", request: str = "a-1") -> bytes:
    return f"{request}\n00-{TRACE}-{SPAN}-{flags}".encode()


class Api:
    """As much of OpenTelemetry as the worker calls, with a fault at the step of this name."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.current: list[Any] = []
        self.modules = {
            "opentelemetry.trace": SimpleNamespace(
                SpanContext=self.step("SpanContext", SimpleNamespace),
                TraceFlags=self.step("TraceFlags", lambda number: number),
                NonRecordingSpan=self.step("NonRecordingSpan", lambda span: span),
                set_span_in_context=self.step("set_span_in_context", lambda span: span),
            ),
            "opentelemetry.context": SimpleNamespace(
                attach=self.step("attach", self.current.append),
                detach=self.step("detach", lambda _: self.current.pop()),
            ),
        }

    def step(self, name: str, work: Any) -> Any:
        def run(*args: Any, **kwargs: Any) -> Any:
            if name == self.fault:
                raise RuntimeError(name)
            if name == "SpanContext":
                kwargs.update(trace_id=args[0], span_id=args[1])
                args = ()
            return work(*args, **kwargs)

        return run


class Looks:
    """Returns what `look` finds while the request is run."""

    def __init__(self, look: Any) -> None:
        self.look = look

    def predict(self, X: Any, names: Any) -> Any:
        found = self.look()
        if X == "fail":
            raise ValueError("on request")
        return found

    def predict_raw(self, message: Any) -> Any:
        return {"strData": self.look()}


class Fakes(unittest.TestCase):
    def test_the_span_is_current_while_the_request_is_run(self) -> None:
        api = Api()

        def look() -> str:
            (span,) = api.current
            assert span.is_remote
            return f"{span.trace_id:032x} {span.span_id:016x} {span.trace_flags}"

        with mock.patch.dict(sys.modules, api.modules), Server(Looks(look)) as server:
            for flags in ("01", "00"):
                for request in ("x", "x" * 128):
                    response = server.call(TEXT, context=context(flags, request))
                    self.assertEqual(response.body.decode(), f"{TRACE} {SPAN} {int(flags)}")
            raw = server.call(item(6, b"{}"), context=context())
            self.assertEqual(raw.json, {"strData": f"{TRACE} {SPAN} 1"})
            self.assertEqual(api.current, [])

    def test_it_is_detached_after_an_error(self) -> None:
        api = Api()
        with mock.patch.dict(sys.modules, api.modules):
            with Server(Looks(lambda: str(len(api.current)))) as server:
                error = server.call(item(3, b"fail"), context=context()).error
            self.assertEqual(error["info"], "on request")
            self.assertNotIn("traced", error["traceback"])
        self.assertEqual(api.current, [])

    def test_without_a_trace_nothing_is_attached(self) -> None:
        api = Api()
        looks = Looks(lambda: str(len(api.current)))
        with mock.patch.dict(sys.modules, api.modules), Server(looks) as server:
            for other in (b"", b"a-1", b"x" * 128, b"x\n00-1"):
                self.assertEqual(server.call(TEXT, context=other).body, b"0")

    def test_faults_do_not_fail_the_request(self) -> None:
        steps = ("TraceFlags", "SpanContext", "NonRecordingSpan", "set_span_in_context")
        for fault in (*steps, "attach", "detach"):
            modules = mock.patch.dict(sys.modules, Api(fault).modules)
            with self.subTest(fault), modules, mock.patch.object(spans, "_warned", False):
                with self.assertLogs() as log, Server(Looks(lambda: "ran")) as server:
                    for _ in range(2):
                        self.assertEqual(server.call(TEXT, context=context()).body, b"ran")
                self.assertEqual(len(log.output), 1, "logged once")
                self.assertIn(fault, log.output[0])

    @mock.patch.object(spans, "_warned", True)
    def test_odd_modules_do_not_fail_the_request(self) -> None:
        half: dict[str, Any] = {
            "opentelemetry.trace": SimpleNamespace(),
            "opentelemetry.context": SimpleNamespace(),
        }
        for modules in (half, dict.fromkeys(half), {"opentelemetry.trace": half}):
            with mock.patch.dict(sys.modules, modules), Server(Looks(lambda: "ran")) as server:
                self.assertEqual(server.call(TEXT, context=context()).body, b"ran")

    def test_it_is_not_imported(self) -> None:
        without = {name: None for name in sys.modules if name.startswith("opentelemetry")}
        with mock.patch.dict(sys.modules), Server(Looks(lambda: "ran")) as server:
            for name in without:
                del sys.modules[name]
            self.assertEqual(server.call(TEXT, context=context()).body, b"ran")
            self.assertNotIn("opentelemetry.trace", sys.modules)


@needs("opentelemetry.sdk")
class Package(unittest.TestCase):
    def test_the_component_s_spans_are_the_server_s_children(self) -> None:
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider

        tracer = TracerProvider().get_tracer("tests")

        def look() -> dict[str, Any]:
            with tracer.start_as_current_span("inner") as span:
                own = span.get_span_context()
                # One that is not recorded has no parent.
                parent = getattr(span, "parent", None)
                return {
                    "trace": f"{own.trace_id:032x}",
                    "parent": parent and f"{parent.span_id:016x}",
                    "sampled": own.trace_flags.sampled,
                    "recording": span.is_recording(),
                }

        with Server(Looks(look)) as server:
            found = server.call(TEXT, context=context()).json
            self.assertEqual(
                found, {"trace": TRACE, "parent": SPAN, "sampled": True, "recording": True}
            )
            # The SDK samples as the parent does.
            found = server.call(TEXT, context=context("00")).json
            self.assertEqual(
                found, {"trace": TRACE, "parent": None, "sampled": False, "recording": False}
            )
            found = server.call(TEXT, context=b"a-1").json
            self.assertNotEqual(found["trace"], TRACE)
            self.assertIsNone(found["parent"])
        self.assertFalse(trace.get_current_span().get_span_context().is_valid)


if __name__ == "__main__":
    unittest.main()
