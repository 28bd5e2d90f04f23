"""The life of a worker: hello, load, ready, serve until the server closes the sockets.

A worker without data sockets takes no requests: it runs the component's `custom_service()`.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import platform
import socket
import sys
import threading
import traceback
from typing import Any

from . import access, children, errors, loader, logs, protocol
from .methods import Methods
from .payload import Codec, numpy_version
from .serve import Readers, serve

# Exit codes, for the server's log.
FAILED_TO_LOAD = 3
FAULT = 4
SERVICE_FAILED = 5


def run(control: socket.socket, data: list[socket.socket]) -> None:
    """Runs the worker on its sockets; returns when every data socket has ended."""
    children.handle_signals(bool(data))
    logs.prepare_streams(len(data) > 1)
    faulthandler.enable()

    hello = {
        "protocol": protocol.VERSION,
        "python": platform.python_version(),
        "numpy": numpy_version(),
        "pid": os.getpid(),
    }
    control.sendall(protocol.frame(protocol.HELLO, protocol.to_json(hello)))
    request = receive_load(control)
    logs.install(request.get("log_level"), request["worker"], request["log_format"] == "json")
    loader.use_folder(request["app_dir"])
    children.share_packages(request["packages"])
    try:
        loaded = loader.load(request)
    except loader.LoadError as error:
        control.sendall(protocol.frame(protocol.FAILED, protocol.to_json(error.body)))
        sys.exit(FAILED_TO_LOAD)
    methods = Methods(loaded.component, Codec(), request.get("metrics_in_response", True))
    if loaded.spans is not None:
        methods.wrap(loaded.spans.within)
    if data:
        loaded.ready.update(access.prepare(methods, loaded.component, request["app_dir"]))
    # What has been loaded stays, so the garbage collector need not visit it again and again.
    gc.collect()
    gc.freeze()

    threading.Thread(target=watch, args=(control,), name="control", daemon=True).start()
    control.sendall(protocol.frame(protocol.READY, protocol.to_json(loaded.ready)))
    if not data:
        run_service(loaded.component)
        return
    readers = Readers(data)
    if len(data) == 1:
        serve_or_die(data[0], methods, readers)
        return
    threads = [
        threading.Thread(
            target=serve_or_die,
            args=(sock, methods, readers),
            name=f"worker-{int(number)}",
            daemon=True,
        )
        for number, sock in enumerate(data)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_service(component: Any) -> None:
    """Runs the component's own server; an exception ends the process with `SERVICE_FAILED`."""
    try:
        component.custom_service()
    except Exception as error:
        logging.getLogger("streeling").error("custom_service: %s", errors.trace(error).rstrip())
        sys.exit(SERVICE_FAILED)


def receive_load(control: socket.socket) -> dict[str, Any]:
    """The `load` frame's JSON."""
    frame = protocol.read_frame(control)
    if frame is None:
        sys.exit(0)
    kind, body = frame
    if kind != protocol.LOAD:
        sys.exit(f"the second frame must be of kind {int(protocol.LOAD)} (load), not {int(kind)}")
    request: dict[str, Any] = json.loads(body)
    return request


def watch(control: socket.socket) -> None:
    """Ends the process when the server is gone, which reads the responses."""
    try:
        unexpected = control.recv(1)
    except OSError:
        unexpected = b""
    os._exit(FAULT if unexpected else 0)


def serve_or_die(sock: socket.socket, methods: Methods, readers: Readers) -> None:
    """Serves one data socket; a fault in the protocol or in the worker ends the process."""
    try:
        serve(sock, methods, readers)
    except BaseException:
        try:
            traceback.print_exc()
        finally:
            # Also where the component has closed the stream: a worker that cannot serve must end.
            os._exit(FAULT)
