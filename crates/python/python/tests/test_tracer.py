"""OpenTracing below the worker, with a client that records what it is given."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import tracer
from streeling_worker.methods import Methods
from streeling_worker.payload import Codec

from tests.support import TEXT, Calls, Server

SETTINGS = {"service": "iris", "agent": ["host", 6832], "tags": [["team", "red"]]}
TRACE, SPAN = "000102030405060708090a0b0c0d0e0f", "0011223344556677"
CONTEXT = f"a-1\n00-{TRACE}-{SPAN}-01".encode()


class Client:
    """As much of jaeger_client as the worker calls."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.active: list[Any] = []
        self.settings: list[Any] = []
        self.SpanContext = SimpleNamespace
        self.Span = SimpleNamespace
        self.scope_manager = SimpleNamespace(activate=self._activate)

    def Config(self, config: Any, service_name: str, validate: bool) -> Any:
        if self.fault == "config":
            raise ValueError("no such setting")
        self.settings.append((config, service_name, validate))
        there = None if self.fault == "there" else self
        return SimpleNamespace(initialize_tracer=lambda: there)

    def _activate(self, span: Any, finish_on_close: bool) -> Any:
        assert not finish_on_close, "the server sends its span itself"
        if self.fault == "activate":
            raise RuntimeError("no scope")
        self.active.append(span.context)
        return SimpleNamespace(close=self.active.pop)

    def modules(self) -> Any:
        return mock.patch.dict(sys.modules, {"jaeger_client": self, "opentracing": self})


class Served(Server):
    """A component within the tracer's spans."""

    def __init__(self, component: object, installed: tracer.Tracer) -> None:
        wrap = mock.patch.object(Methods, "__init__", self._wrapped(installed))
        with wrap:
            super().__init__(component)

    @staticmethod
    def _wrapped(installed: tracer.Tracer) -> Any:
        plain = Methods.__init__

        def init(methods: Methods, component: Any, codec: Codec) -> None:
            plain(methods, component, codec)
            methods.wrap(installed.within)

        return init


@mock.patch("atexit.register", lambda _: None)
class OpenTracing(unittest.TestCase):
    def installed(self, client: Client) -> tracer.Tracer:
        with client.modules():
            found = tracer.install(SETTINGS, "/nowhere")
        assert found is not None
        return found

    def test_the_servers_span_is_active_while_a_request_is_run(self) -> None:
        client = Client()
        installed = self.installed(client)
        ((config, service, _),) = client.settings
        self.assertEqual((service, config["tags"]), ("iris", {"team": "red"}))
        agent = {"reporting_host": "host", "reporting_port": 6832}
        self.assertEqual(config["local_agent"], agent)

        def look(_: Any) -> str:
            return repr(
                [(f"{c.trace_id:032x}", f"{c.span_id:016x}", c.flags) for c in client.active]
            )

        with Served(Calls(look), installed) as server:
            body = server.call(TEXT, context=CONTEXT).body
            self.assertEqual(body.decode(), repr([(TRACE, SPAN, 1)]))
            for other in (b"", b"a-1", b"x" * 128, b"x\n00-1"):
                self.assertEqual(server.call(TEXT, context=other).body, b"[]")

        def fail(_: Any) -> Any:
            raise ValueError("on request")

        with Served(Calls(fail), installed) as server:
            error = server.call(TEXT, context=CONTEXT).error
        self.assertEqual((error["info"], client.active), ("on request", []))
        self.assertNotIn("traced", error["traceback"])

    def test_faults_do_not_fail_the_request(self) -> None:
        installed = self.installed(Client("activate"))
        with self.assertLogs() as log, Served(Calls(lambda _: "ran"), installed) as server:
            for _ in range(2):
                self.assertEqual(server.call(TEXT, context=CONTEXT).body, b"ran")
        self.assertEqual(len(log.output), 1, "logged once")
        self.assertIn("no scope", log.output[0])

    def test_a_client_that_cannot_be_used_is_warned_of(self) -> None:
        for client, text in (
            (Client("config"), "no such setting"),
            (Client("there"), "has a tracer already"),
            (None, "jaeger_client"),
        ):
            modules: Any = {"jaeger_client": client, "opentracing": SimpleNamespace()}
            with mock.patch.dict(sys.modules, modules), self.assertLogs("streeling") as log:
                self.assertIsNone(tracer.install(SETTINGS, "/nowhere"))
            self.assertIn(text, log.output[0])

    def test_nothing_is_installed_for_who_does_not_use_it(self) -> None:
        client = Client()
        with client.modules():
            own = SimpleNamespace(is_global_tracer_registered=lambda: True)
            with mock.patch.dict(sys.modules, {"opentracing": own}):
                self.assertIsNone(tracer.install(SETTINGS, "/nowhere"))
            sys.modules.pop("opentracing")
            self.assertIsNone(tracer.install(SETTINGS, "/nowhere"))
        self.assertEqual(client.settings, [])


if __name__ == "__main__":
    unittest.main()
