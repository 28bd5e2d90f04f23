"""Makes the spans that a component records with OpenTelemetry children of the server's."""

from __future__ import annotations

import logging
import sys
from typing import Any

from .payload import Handler, Item, Reply

# Whether it has been imported is checked for each request, since a component may import it during
# one. It is never imported here: a component that has not imported it records nothing.
TRACE = "opentelemetry.trace"

_log = logging.getLogger("streeling")


def within_span(handler: Handler, traceparent: bytes | bytearray) -> Handler:
    """`handler` within the server's span; to be called where `TRACE` has been imported.

    Nothing that goes wrong harms the request.
    """
    try:
        trace: Any = sys.modules[TRACE]
        context: Any = sys.modules["opentelemetry.context"]
        _, trace_id, span_id, flags = traceparent.split(b"-")
        parent = trace.SpanContext(
            int(trace_id, 16),
            int(span_id, 16),
            is_remote=True,
            trace_flags=trace.TraceFlags(int(flags, 16)),
        )
        within = trace.set_span_in_context(trace.NonRecordingSpan(parent))
    except Exception as error:
        _warn_once(error)
        return handler

    def traced(items: list[Item]) -> Reply:
        try:
            token = context.attach(within)
        except Exception as error:
            _warn_once(error)
            return handler(items)
        try:
            return handler(items)
        finally:
            try:
                context.detach(token)
            except Exception as error:
                _warn_once(error)

    return traced


_warned = False


def _warn_once(error: Exception) -> None:
    global _warned
    if not _warned:
        _warned = True
        _log.warning("OpenTelemetry does not take the server's span: %r", error)
