"""Receives traces in place of a collector, and prints every span that it receives.

Listens on the loopback interface, on ports of the system's choosing, as a Jaeger agent (compact
Thrift over UDP) and for OTLP over gRPC and over HTTP. Standard output gets one JSON object a line:
first the ports, ``{"jaeger": …, "grpc": …, "http": …}``, then the spans as they arrive. A datagram
that is no batch of spans is printed too, ``{"refused": "<hex>", "why": …}``: datagrams arrive in
the order that they were sent in, so the sender of such a one knows that all before it were read.
Ends when standard input does, so that it does not outlive the test that started it.

The messages are read with the generated classes of the protocols' own packages, so that a mistake
of ours is not made twice.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import socket
import ssl
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterable, Iterator

import grpc
from jaeger_client.thrift_gen.agent.Agent import emitBatch_args
from jaeger_client.thrift_gen.jaeger.ttypes import SpanRefType, TagType
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2
from thrift.protocol.TCompactProtocol import TCompactProtocol
from thrift.Thrift import TMessageType
from thrift.transport.TTransport import TMemoryBuffer

HERE = "127.0.0.1"

# The most that a datagram can hold.
DATAGRAM = 65535

# The parent of a span that has none.
NO_PARENT = ""


def read(path: str) -> bytes:
    return Path(path).read_bytes()


class Printer:
    """Writes JSON lines; the receivers run in threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def line(self, value: dict[str, Any]) -> None:
        with self._lock:
            sys.stdout.write(json.dumps(value) + "\n")
            sys.stdout.flush()


class Behaviour:
    """How the receivers respond, of those protocols that have a response."""

    def __init__(self, slow: float, fail: bool) -> None:
        self._slow = slow
        self.fail = fail

    def wait(self) -> None:
        time.sleep(self._slow)


def jaeger_value(tag: Any) -> Any:
    """Give the value of a Jaeger tag, of any type."""
    if tag.vType == TagType.BINARY:
        raw = tag.vBinary
        return (raw if isinstance(raw, bytes) else raw.encode("latin-1")).hex()
    return {
        TagType.STRING: tag.vStr,
        TagType.DOUBLE: tag.vDouble,
        TagType.BOOL: tag.vBool,
        TagType.LONG: tag.vLong,
    }[tag.vType]


def jaeger_tags(tags: Iterable[Any] | None) -> dict[str, Any]:
    return {tag.key: jaeger_value(tag) for tag in tags or ()}


def hexadecimal(number: int, digits: int = 16) -> str:
    """Give a signed number of 64 bits, as Thrift has it, in the form of ids in headers."""
    return f"{number & (1 << 64) - 1:0{digits}x}"


def jaeger_parent(span: Any) -> str:
    """Give the parent that a span names, in its own field or by reference."""
    if span.parentSpanId:
        return hexadecimal(span.parentSpanId)
    for reference in span.references or ():
        if reference.refType == SpanRefType.CHILD_OF:
            return hexadecimal(reference.spanId)
    return NO_PARENT


def jaeger_spans(datagram: bytes) -> Iterator[dict[str, Any]]:
    """Read a call of the agent's one-way method for a batch."""
    protocol = TCompactProtocol(TMemoryBuffer(datagram))
    name, kind, _ = protocol.readMessageBegin()
    if (name, kind) != ("emitBatch", TMessageType.ONEWAY):
        raise ValueError(f"a call of {name} of kind {kind}")
    arguments = emitBatch_args()
    arguments.read(protocol)
    protocol.readMessageEnd()
    process = arguments.batch.process
    for span in arguments.batch.spans:
        tags = jaeger_tags(span.tags)
        yield {
            "via": "jaeger",
            "service": process.serviceName,
            "process": jaeger_tags(process.tags),
            "name": span.operationName,
            "trace_id": hexadecimal(span.traceIdHigh) + hexadecimal(span.traceIdLow),
            "span_id": hexadecimal(span.spanId),
            "parent_id": jaeger_parent(span),
            "kind": tags.get("span.kind", "internal"),
            "start_us": span.startTime,
            "duration_us": span.duration,
            "tags": tags,
            "error": tags.get("error") in (True, "true"),
            "events": [jaeger_tags(log.fields) for log in span.logs or ()],
        }


def otlp_value(value: Any) -> Any:
    """Give the value of an attribute, of any type."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "bytes_value":
        return found.hex()
    if kind == "array_value":
        return [otlp_value(item) for item in found.values]
    if kind == "kvlist_value":
        return otlp_tags(found.values)
    return found


def otlp_tags(attributes: Iterable[Any]) -> dict[str, Any]:
    return {attribute.key: otlp_value(attribute.value) for attribute in attributes}


def otlp_spans(via: str, request: Any) -> Iterator[dict[str, Any]]:
    """Read a request of the trace service."""
    for resources in request.resource_spans:
        process = otlp_tags(resources.resource.attributes)
        for scope in resources.scope_spans:
            for span in scope.spans:
                kind = trace_pb2.Span.SpanKind.Name(span.kind)
                yield {
                    "via": via,
                    "service": process.get("service.name"),
                    "process": process,
                    "name": span.name,
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_id": span.parent_span_id.hex() or NO_PARENT,
                    "kind": kind[len("SPAN_KIND_") :].lower(),
                    "start_us": span.start_time_unix_nano // 1000,
                    "duration_us": (span.end_time_unix_nano - span.start_time_unix_nano) // 1000,
                    "tags": otlp_tags(span.attributes),
                    "error": span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
                    "events": [
                        {"event": event.name, **otlp_tags(event.attributes)}
                        for event in span.events
                    ],
                }


def serve_jaeger(printer: Printer) -> int:
    """Receive datagrams from now on; returns the port."""
    port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    port.bind((HERE, 0))

    def receive() -> None:
        while True:
            datagram = port.recv(DATAGRAM)
            try:
                for span in jaeger_spans(datagram):
                    printer.line(span)
            # As an agent does, go on with the next one.
            except Exception as error:
                printer.line({"refused": datagram.hex(), "why": repr(error)})

    threading.Thread(target=receive, daemon=True).start()
    number: int = port.getsockname()[1]
    return number


class TraceService(trace_service_pb2_grpc.TraceServiceServicer):  # type: ignore[misc]
    """OTLP over gRPC."""

    def __init__(self, printer: Printer, behaviour: Behaviour) -> None:
        self._printer = printer
        self._behaviour = behaviour

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._behaviour.wait()
        if self._behaviour.fail:
            context.abort(grpc.StatusCode.UNAVAILABLE, "refused, as --fail says")
        for span in otlp_spans("grpc", request):
            self._printer.line(span)
        return trace_service_pb2.ExportTraceServiceResponse()


def serve_grpc(
    printer: Printer, behaviour: Behaviour, tls: list[str] | None
) -> tuple[grpc.Server, int]:
    """Serve OTLP over gRPC for as long as the server is referenced; also returns the port."""
    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(
        TraceService(printer, behaviour), server
    )
    if tls is None:
        number = server.add_insecure_port(f"{HERE}:0")
    else:
        certificate, key, authority = (read(path) for path in tls)
        credentials = grpc.ssl_server_credentials(
            [(key, certificate)], authority, require_client_auth=True
        )
        number = server.add_secure_port(f"{HERE}:0", credentials)
    server.start()
    return server, number


def serve_http(printer: Printer, behaviour: Behaviour, tls: list[str] | None) -> int:
    """Serve OTLP over HTTP from now on; returns the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = self.headers["content-length"]
            if length is None:
                # What follows cannot be read as a request.
                self.close_connection = True
                self.respond(411)
                return
            body = self.rfile.read(int(length))
            behaviour.wait()
            self.respond(503 if behaviour.fail else self.take(body))

        def take(self, body: bytes) -> int:
            if self.path != "/v1/traces":
                return 404
            if self.headers["content-type"] != "application/x-protobuf":
                return 415
            if self.headers["content-encoding"] == "gzip":
                body = gzip.decompress(body)
            request = trace_service_pb2.ExportTraceServiceRequest.FromString(body)
            for span in otlp_spans("http", request):
                printer.line(span)
            return 200

        def respond(self, status: int) -> None:
            made = trace_service_pb2.ExportTraceServiceResponse() if status == 200 else None
            body = b"" if made is None else made.SerializeToString()
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing: a line for every request would bury the output of tests."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """Print nothing either: servers under test are killed in the middle of a request."""

    server = Server((HERE, 0), Handler)
    if tls is not None:
        certificate, key, authority = tls
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def main() -> None:
    """Receive until standard input ends."""
    parser = argparse.ArgumentParser(description="Receives traces and prints their spans.")
    parser.add_argument(
        "--slow", type=float, default=0.0, metavar="SECONDS", help="respond to OTLP that much later"
    )
    parser.add_argument(
        "--tls",
        nargs=3,
        metavar=("CERTIFICATE", "KEY", "AUTHORITY"),
        help="speak OTLP over TLS, with clients that the authority knows",
    )
    parser.add_argument("--fail", action="store_true", help="refuse OTLP as if overloaded")
    options = parser.parse_args()
    printer = Printer()
    behaviour = Behaviour(options.slow, options.fail)
    jaeger = serve_jaeger(printer)
    server, port = serve_grpc(printer, behaviour, options.tls)
    http = serve_http(printer, behaviour, options.tls)
    printer.line({"jaeger": jaeger, "grpc": port, "http": http})
    sys.stdin.read()
    server.stop(None)
    # Responses that are still delayed are not waited for.
    os._exit(0)


if __name__ == "__main__":
    main()
