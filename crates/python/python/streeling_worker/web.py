"""Flask around a component that uses it: `flask.request`, error handlers, pages of its own.

Flask is the component's own; without it nothing here is called. Everything is decided when the
component has been loaded, so that no other component pays for it.
"""

from __future__ import annotations

import io
import logging
import sys
from pathlib import Path
from typing import Any, Callable
from urllib.parse import unquote_to_bytes

from . import errors, payload, protocol
from .errors import HANDLERS
from .original import Original, of_this_thread
from .payload import Handler, Item, Reply
from .protocol import LENGTH, ProtocolError

_log = logging.getLogger("streeling")

# Bytes of the headers of a response that the component writes itself: clients take no more.
LONGEST_HEAD = 1 << 16


def blueprint(found: object) -> Any:
    """The component's error handlers; `None`, with a warning, where they cannot be used."""
    try:
        import flask
    except ImportError as error:
        _log.warning("%s is ignored, since Flask cannot be imported: %s", HANDLERS, error)
        return None
    if not isinstance(found, flask.Blueprint):
        _log.warning(
            "%s is ignored: it must be a flask.Blueprint, not %s", HANDLERS, type(found).__name__
        )
        return None
    return found


class Web:
    """The component's Flask application."""

    def __init__(self, handlers: Any, folder: str) -> None:
        """`handlers` is a blueprint, or `None` where the component only reads requests."""
        import flask

        folder = str(Path(folder).resolve())
        # Without a module of its own it needs the place where its folders would be.
        self._app = flask.Flask(
            "streeling", static_folder=None, root_path=folder, instance_path=folder
        )
        self._handlers = handlers
        if handlers is None:
            return
        self._app.register_blueprint(handlers)
        # As on seldon-core, the server comes before a handler for any exception, or for its own.
        for cls in (Exception, _microservice_exception()):
            if cls is not None:
                self._app.register_error_handler(cls, _raise)
        if any(self._app.after_request_funcs.values()):
            _log.warning(
                "functions of %s that are to run after a request run after its own responses "
                "alone, and not after those of the component's methods",
                HANDLERS,
            )

    def pages(self) -> list[tuple[str, str]] | None:
        """HTTP method and path of the pages whose path is fixed; `None` without a blueprint."""
        if self._handlers is None:
            return None
        return [
            (method, rule.rule)
            for rule in self._app.url_map.iter_rules()
            if not rule.arguments
            for method in sorted(rule.methods or ())
        ]

    def within(self, handler: Handler) -> Handler:
        """`handler` with `flask.request`; over REST, since there is none over gRPC."""

        def handle(items: list[Item]) -> Reply:
            original = of_this_thread()
            if original is None or original.head["transport"] != "rest":
                return handler(items)
            environ = _environ(original)
            with self._app.request_context(environ):
                if self._handlers is None:
                    return handler(items)
                return self._handled(handler, items, environ)

        return handle

    def _handled(self, handler: Handler, items: list[Item], environ: dict[str, Any]) -> Reply:
        try:
            early = self._app.preprocess_request()
            if early is None:
                return handler(items)
            response = self._app.finalize_request(early)
        except Exception as error:
            if isinstance(error, ProtocolError) or errors.not_implemented(error):
                raise
            response = self._app.finalize_request(self._app.handle_user_exception(error))
        return reply(response, environ)

    def page(self, items: list[Item]) -> Reply:
        """Responds to a request that no route of the server's is for."""
        import flask
        from werkzeug.exceptions import MethodNotAllowed, NotFound

        original = of_this_thread()
        if original is None:
            raise ProtocolError("a request for a page came without its head")
        environ = _environ(original)
        with self._app.request_context(environ):
            refusal, allowed = flask.request.routing_exception, original.head["allowed"]
            if isinstance(refusal, NotFound) and allowed is not None:
                refusal = MethodNotAllowed(allowed.split(", "))
            if not isinstance(refusal, (NotFound, MethodNotAllowed)):
                return reply(self._app.full_dispatch_request(), environ)
            response = self._app.preprocess_request()
            if response is None:
                # Perhaps a handler of the component's is for what is not there.
                try:
                    response = self._app.handle_user_exception(refusal)
                except (NotFound, MethodNotAllowed):
                    response = refusal
                is_ours = isinstance(refusal, NotFound) or allowed is not None
                if response is refusal and is_ours:
                    raise errors.Declined("no page") from None
            return reply(self._app.finalize_request(response), environ)


def _raise(error: Exception) -> Any:
    raise error


def _microservice_exception() -> Any:
    module = sys.modules.get("seldon_core.flask_utils")
    return getattr(module, "SeldonMicroserviceException", None)


def _environ(original: Original) -> dict[str, Any]:
    """The request as WSGI has it."""
    head = original.head
    path, _, query = head["target"].partition("?")
    host, port = head["peer"] or ("", 0)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head["method"],
        "SCRIPT_NAME": "",
        # Bytes as characters, as WSGI has all text.
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": head["target"],
        "REQUEST_URI": head["target"],
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "streeling",
        "REMOTE_ADDR": host,
        "REMOTE_PORT": str(port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(original.body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in original.headers:
        key = name.replace("-", "_").upper()
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = "HTTP_" + key
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    name, _, number = environ.get("HTTP_HOST", "").rpartition(":")
    environ["SERVER_NAME"] = name or number or "localhost"
    environ["SERVER_PORT"] = number if name and number.isdigit() else "80"
    return environ


def reply(response: Any, environ: dict[str, Any]) -> Reply:
    """A response of Flask's as the worker sends it."""
    chunks, status, headers = response.get_wsgi_response(environ)
    try:
        body = b"".join(chunks)
    finally:
        close: Callable[[], None] = getattr(chunks, "close", response.close)
        close()
    code = int(status.split(" ", 1)[0])
    head = payload.to_json({"status": code, "headers": [list(pair) for pair in headers]})
    if len(head) > LONGEST_HEAD:
        raise ValueError(
            f"the headers of a response take {len(head)} bytes, {LONGEST_HEAD} are allowed"
        )
    item = LENGTH.pack(len(head)) + head + body
    return (protocol.HTTP, 0, (), item), b"", b""
