"""The life of a process: hello, construct, and then it forks workers, or becomes one: load, ready,
serve until the server closes the sockets.

A worker without data sockets takes no requests: it runs the component's `custom_service()`.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import socket
import sys
import threading
import traceback
from typing import Any, Callable, NoReturn

from . import access, children, errors, limits, loader, logs, metadata, protocol, stacks, title
from .methods import Methods
from .payload import Codec, numpy_version
from .randomness import Seeding
from .serve import Readers, serve
from .template import Template, wait_for_work

# Exit codes, for the server's log.
FAILED_TO_LOAD = 3
FAULT = 4
SERVICE_FAILED = 5


def run(control: socket.socket, die_with_server: Callable[[], None]) -> None:
    """Runs the process on its control socket; returns when every data socket has ended."""
    children.handle_signals()
    faulthandler.enable()
    hello = {
        "protocol": protocol.VERSION,
        "python": sys.version.split()[0],
        "numpy": numpy_version(),
        "pid": os.getpid(),
    }
    control.sendall(protocol.frame(protocol.HELLO, protocol.to_json(hello)))
    request = receive_construct(control)
    logs.prepare_streams(request["threads"] > 1)
    log = logs.install(request.get("log_level"), request["worker"], request["log_format"] == "json")
    limits.allow(request.get("max_decoded", limits.allowed))
    limits.restore_files(request.get("max_files"), request["threads"])
    loader.use_folder(request["app_dir"])
    children.share_packages(request["packages"])
    seeding = Seeding()
    try:
        with seeding.observed():
            constructed = loader.construct(request)
    except loader.LoadError as error:
        fail(control, error)
    names = access.Names(request["app_dir"])
    names.update()
    # What has been made stays: the garbage collector need not visit it again and again, nor write
    # to memory that workers share.
    gc.collect()
    gc.freeze()
    template = Template(control, request, constructed.obstacle)
    body = protocol.to_json({"seconds": constructed.seconds, **template.describe()})
    control.sendall(protocol.frame(protocol.CONSTRUCTED, body))

    own = os.getpid()
    control, data, work = wait_for_work(control, template, die_with_server)
    if os.getpid() != own:
        seeding.renew()
    log.worker = work["worker"]
    title.show(work["title"])
    if not data:
        children.end_by_signal()
    children.keep_from_children([control, *data])
    try:
        ready = constructed.load()
    except loader.LoadError as error:
        fail(control, error)
    methods = Methods(
        constructed.component,
        Codec(),
        request.get("metrics_in_response", True),
        metadata.columns(ready["metadata"]),
    )
    if constructed.spans is not None:
        methods.wrap(constructed.spans.within)
    if data:
        ready.update(access.prepare(methods, constructed.component, names))
    gc.collect()
    gc.freeze()
    watcher = threading.Thread(target=watch, args=(control, template), name="control", daemon=True)
    watcher.start()
    control.sendall(protocol.frame(protocol.READY, protocol.to_json(ready)))
    if data:
        serve_all(data, methods)
    else:
        run_service(constructed.component)


def fail(control: socket.socket, error: loader.LoadError) -> NoReturn:
    """Tells the server why the component cannot be made ready, and ends."""
    control.sendall(protocol.frame(protocol.FAILED, protocol.to_json(error.body)))
    sys.exit(FAILED_TO_LOAD)


def serve_all(data: list[socket.socket], methods: Methods) -> None:
    """Serves the data sockets, a single one on the main thread."""
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


def receive_construct(control: socket.socket) -> dict[str, Any]:
    """The `construct` frame's JSON."""
    frame = protocol.read_frame(control)
    if frame is None:
        sys.exit(0)
    kind, body, _ = frame
    if kind != protocol.CONSTRUCT:
        wanted = int(protocol.CONSTRUCT)
        sys.exit(f"the second frame must be of kind {wanted} (construct), not {int(kind)}")
    request: dict[str, Any] = json.loads(body)
    return request


def watch(control: socket.socket, template: Template) -> None:
    """Ends the process when the server is gone, which reads the responses."""
    frame = None
    try:
        frame = protocol.read_frame(control)
        while frame is not None and frame[0] in (protocol.RELEASE, protocol.STACKS):
            if frame[0] == protocol.RELEASE:
                template.release()
            else:
                stacks.write()
            frame = protocol.read_frame(control)
    except OSError:
        frame = None
    os._exit(0 if frame is None else FAULT)


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
