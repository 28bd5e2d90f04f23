"""Spans that a component records by OpenTracing, as children of the server's.

The tracer is that of jaeger_client, as on seldon-core, where it is installed beside the component.
It sends its spans away itself, from a thread of its own.
"""

from __future__ import annotations

import atexit
import importlib
import logging
import sys
import threading
from typing import Any

from . import access, current
from .current import TRACEPARENT
from .payload import Handler, Item, Reply

API = "opentracing"
CLIENT = "jaeger_client"
# Seconds for the last spans at the end of a worker.
FLUSH = 1.0
LINE_FEED = 10

_log = logging.getLogger("streeling")


class Tracer:
    """The tracer, which the component gets as OpenTracing's global one."""

    # Why workers should not be forked from a process that has one.
    obstacle = f"the thread of {CLIENT} that sends spans would not live in a fork"

    def __init__(self, settings: dict[str, Any]) -> None:
        """`settings` are those of the `load` frame."""
        self._client: Any = importlib.import_module(CLIENT)
        config: dict[str, Any] = {
            # A span below the server's follows that, so this is for the component's own traces.
            "sampler": {"type": "const", "param": 1},
            "tags": dict(settings["tags"]),
            "logging": False,
        }
        if settings["agent"] is not None:
            host, port = settings["agent"]
            config["local_agent"] = {"reporting_host": host, "reporting_port": port}
        self._tracer = self._client.Config(
            config, service_name=settings["service"], validate=True, **_scopes()
        ).initialize_tracer()
        if self._tracer is None:
            raise RuntimeError(f"{CLIENT} has a tracer already")
        self._warned = False
        atexit.register(self._flush)

    def within(self, handler: Handler) -> Handler:
        """`handler` within the server's span; nothing that goes wrong harms the request."""

        def traced(items: list[Item]) -> Reply:
            context = current.threads.current.context
            at = -1 if context is None else len(context) - TRACEPARENT
            if context is None or at < 1 or context[at - 1] != LINE_FEED:
                return handler(items)
            try:
                scope = self._tracer.scope_manager.activate(self._parent(context[at:]), False)
            except Exception as error:
                self._warn_once(error)
                return handler(items)
            try:
                return handler(items)
            finally:
                scope.close()

        return traced

    def _parent(self, traceparent: bytes | bytearray) -> Any:
        """The server's span: never finished here, since the server sends it away itself."""
        _, trace, span, flags = traceparent.split(b"-")
        context = self._client.SpanContext(
            trace_id=int(trace, 16), span_id=int(span, 16), parent_id=None, flags=int(flags, 16)
        )
        return self._client.Span(context=context, tracer=self._tracer, operation_name="component")

    def _warn_once(self, error: Exception) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("OpenTracing does not take the server's span: %r", error)

    def _flush(self) -> None:
        done = threading.Event()

        def close() -> None:
            self._tracer.close().add_done_callback(lambda _: done.set())

        try:
            # Its futures belong to the thread that sends.
            self._tracer.reporter.io_loop.add_callback(close)
            if done.wait(FLUSH):
                return
            problem = f"not sent within {FLUSH} s"
        except Exception as error:
            problem = repr(error)
        _log.warning("the last spans of the component may be lost: %s", problem)


def _scopes() -> dict[str, Any]:
    """What keeps the active span: by context, which tasks of the event loop have as well."""
    try:
        found = importlib.import_module(f"{API}.scope_managers.contextvars")
    except ImportError:
        # It came with version 2.2; before that a span is active for its thread alone.
        return {}
    return {"scope_manager": found.ContextVarsScopeManager()}


def install(settings: dict[str, Any], folder: str) -> Tracer | None:
    """Makes the tracer the global one where the component uses OpenTracing.

    To be called when the component has been imported, and before it is made.
    """
    if not (API in sys.modules or API in access.Names(folder).update()):
        return None
    is_registered = getattr(sys.modules.get(API), "is_global_tracer_registered", None)
    if is_registered is not None and is_registered():
        # The component has one of its own.
        return None
    try:
        return Tracer(settings)
    except Exception as error:
        _log.warning(
            "the component's spans by OpenTracing are not recorded, since %s cannot be used: %r",
            CLIENT,
            error,
        )
        return None
