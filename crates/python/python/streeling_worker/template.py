"""The process that has constructed the component, from which workers are forked.

It serves no request and holds no data socket. Where it may not be forked, it becomes a worker
itself.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
import warnings
import weakref
from pathlib import Path
from typing import Any, Callable, Iterator, NoReturn

from . import children, errors, logs, protocol, stacks
from .protocol import socket_of

# A thread that is just ending may take so long to be gone, seconds.
ENDING = 0.1
# A process that is forked and ends at once may take so long, seconds: handlers of the component's
# run in it.
FORKING = 5.0
# For how long processes or memory may be lacking, and between two tries, seconds.
LACKING = 30.0
LACKING_PAUSE = 1.0
# Between two looks at whether something has happened, seconds.
PAUSE = 0.0002
# The device files of CUDA, whose state does not live through a fork.
CUDA = "/dev/nvidia"
# Threads that are named in the log.
NAMED = 4
# What the component puts in their place is not for us.
_fork, _waitpid, _kill, _sleep = os.fork, os.waitpid, os.kill, time.sleep
TASKS = Path("/proc/self/task")
DESCRIPTORS = Path("/proc/self/fd")


log = logging.getLogger("streeling")


class Template:
    """What the process knows of itself once the component is constructed."""

    def __init__(
        self, control: socket.socket, request: dict[str, Any], obstacle: str | None
    ) -> None:
        """`request` is the `construct` frame, `obstacle` why workers should not be forked as far
        as that is known."""
        self._control = control
        self._server: int = request["server"]
        self.obstacle = None
        if request["fork"]:
            self.obstacle = obstacle or _obstacle()
        # Threads of Python's own, which do not live in workers.
        self.threads = [
            logs.escape(thread.name).encode("ascii", "backslashreplace").decode()
            for thread in _own_threads()
            if thread is not threading.main_thread() and thread.is_alive()
        ]
        # The sockets at which the component listens, by what the system calls them.
        self.listening = {name for name, _ in _listening()}

    def describe(self) -> dict[str, Any]:
        """Its part of the `constructed` frame."""
        return {
            "obstacle": self.obstacle,
            "threads": self.threads,
            "listens": bool(self.listening),
        }

    def release(self) -> None:
        """Stops listening where the component has listened since it was constructed, for all
        processes that have the socket: another template is to listen there."""
        for name, sock in _listening():
            if name in self.listening:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def fork(
        self, descriptors: list[int], die_with_server: Callable[[], None]
    ) -> socket.socket | None:
        """Forks a worker; returns its control socket in the worker, and `None` in the template."""
        own, output, error = descriptors
        control = socket_of(own)
        _flush()
        try:
            between = _forked()
            if between == 0:
                self._between(control)
        except OSError as reason:
            _fail(control, reason)
            between = -1
        if between:
            if between > 0 and not _has_ended(between):
                _fail(control, OSError("the process that was forked hangs in handlers of a fork"))
            control.close()
            os.close(output)
            os.close(error)
            return None
        self._control.close()
        for source, target in ((output, 1), (error, 2)):
            os.dup2(source, target)
            os.close(source)
        try:
            self._settle(die_with_server)
        except OSError as reason:
            _fail(control, reason)
            os._exit(1)
        body = protocol.to_json({"pid": os.getpid()})
        control.sendall(protocol.frame(protocol.FORKED, body))
        return control

    def _between(self, control: socket.socket) -> None:
        """Forks once more and ends, so that the system makes the worker a child of the server."""
        between = os.getpid()
        try:
            if _forked():
                os._exit(0)
        except OSError as reason:
            _fail(control, reason)
            os._exit(1)
        while os.getppid() == between:
            _sleep(PAUSE)

    def _settle(self, die_with_server: Callable[[], None]) -> None:
        """Makes the forked process one of the server's."""
        # What the component starts is ended with it.
        os.setpgid(0, 0)
        die_with_server()
        if os.getppid() != self._server:
            raise OSError("the system did not make the server its parent")
        children.handle_signals_again()
        # Processes that the component has started are the template's to end.
        started: Any = getattr(sys.modules.get("multiprocessing.process"), "_children", None)
        if started:
            started.clear()
        # What is to be finalized at the end, such as a temporary folder, others still need.
        for finalize in list(getattr(weakref.finalize, "_registry", ())):
            finalize.atexit = False


def _own_threads() -> list[threading.Thread]:
    """The threads that Python has started."""
    dummy: Any = getattr(threading, "_DummyThread", ())
    return [thread for thread in threading.enumerate() if not isinstance(thread, dummy)]


def _has_ended(child: int) -> bool:
    """Waits for a child that ends at once; kills it where it does not."""
    until = time.monotonic() + FORKING
    # Where the component lets the system forget its children, or waits for all, there is none.
    with contextlib.suppress(ChildProcessError):
        while _waitpid(child, os.WNOHANG) == (0, 0):
            if time.monotonic() > until:
                _kill(child, signal.SIGKILL)
                _waitpid(child, 0)
                return False
            _sleep(PAUSE)
    return True


def _leave() -> NoReturn:
    """Ends the template as a program ends, but for threads that would keep it for ever."""
    main = threading.main_thread()
    if any(not thread.daemon for thread in _own_threads() if thread is not main):
        atexit._run_exitfuncs()
        _flush()
        os._exit(0)
    sys.exit(0)


def _forked() -> int:
    with warnings.catch_warnings():
        # Python 3.12 warns where there are threads; what there is has been looked at.
        warnings.simplefilter("ignore", DeprecationWarning)
        return _fork()


def _forked_in_time() -> int:
    """Forks; where processes or memory are lacking it waits for them."""
    until = time.monotonic() + LACKING
    while True:
        try:
            return _forked()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ENOMEM) or time.monotonic() > until:
                raise
            log.warning("the process cannot be forked yet: %s", error)
        _sleep(LACKING_PAUSE)


def _fail(control: socket.socket, reason: OSError) -> None:
    body = {
        "stage": "fork",
        "message": errors.text(reason),
        "traceback": errors.clean("".join(traceback.format_exception_only(type(reason), reason))),
        "hint": None,
        "errno": reason.errno,
    }
    with contextlib.suppress(OSError):
        control.sendall(protocol.frame(protocol.FAILED, protocol.to_json(body)))


def _flush() -> None:
    """Writes what the streams of Python and of C hold, which every worker would write once more."""
    for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
        # The component may have closed it, or put anything in its place.
        with contextlib.suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).fflush(None)


def _obstacle() -> str | None:
    """Why this process should not be forked."""
    with contextlib.suppress(OSError):
        for entry in DESCRIPTORS.iterdir():
            # The folder's own descriptor is gone again.
            with contextlib.suppress(OSError):
                device = os.readlink(entry)
                if device.startswith(CUDA):
                    return f"it has opened {device} (CUDA)"
    # Libraries that are made for it end their threads when the process is forked.
    try:
        child = _forked_in_time()
    except OSError as error:
        return f"the system does not fork it: {error}"
    if child == 0:
        os._exit(0)
    if not _has_ended(child):
        return "a process that is forked from it hangs in the component's handlers of a fork"
    until = time.monotonic() + ENDING
    names = _native_threads()
    while names and time.monotonic() < until:
        _sleep(PAUSE)
        names = _native_threads()
    if not names:
        return None
    known = ", ".join(sorted(set(names))[:NAMED])
    threads = "thread" if len(names) == 1 else "threads"
    return f"{len(names)} native {threads} of a library would not live in a fork ({known})"


def _native_threads() -> list[str]:
    """The names, as the system has them, of threads that Python knows nothing of."""
    try:
        tasks = {int(entry.name) for entry in TASKS.iterdir()}
    except OSError:
        return []
    known = _own_threads()
    tasks -= {thread.native_id for thread in known if thread.native_id is not None}
    # Those that were started without `threading` have no number.
    unnumbered = len(sys._current_frames()) - len(threading.enumerate())
    if len(tasks) <= unnumbered:
        return []
    names = []
    for task in tasks:
        with contextlib.suppress(OSError):
            names.append((TASKS / str(task) / "comm").read_text(errors="replace").strip())
    return names


def _listening() -> Iterator[tuple[str, socket.socket]]:
    """The sockets at which this process listens, each open as long as it is looked at."""
    with contextlib.suppress(OSError):
        for entry in list(DESCRIPTORS.iterdir()):
            with contextlib.suppress(OSError):
                name = os.readlink(entry)
                if not name.startswith("socket:"):
                    continue
                with socket_of(os.dup(int(entry.name))) as sock:
                    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                        yield name, sock


def wait_for_work(
    control: socket.socket, template: Template, die_with_server: Callable[[], None]
) -> tuple[socket.socket, list[socket.socket], dict[str, Any]]:
    """Forks workers as long as the server asks for them. Returns in a worker, be it forked or this
    very process: its control socket, its data sockets, and the `load` frame."""
    data: list[socket.socket] = []
    while True:
        try:
            frame = protocol.read_frame(control)
        except OSError as error:
            # Of a worker that would be forked, the server finds the socket closed; one that lacks
            # data sockets says so below.
            log.error("%s", error)
            continue
        if frame is None:
            _leave()
        kind, body, descriptors = frame
        if kind == protocol.FORK:
            forked = template.fork(descriptors, die_with_server)
            if forked is not None:
                control = forked
        elif kind == protocol.DATA:
            data += [socket_of(number) for number in descriptors]
        elif kind == protocol.LOAD:
            for sock in data:
                # Programs that the component starts must not keep them open.
                sock.set_inheritable(False)
            request: dict[str, Any] = json.loads(body)
            if len(data) != request["threads"]:
                _fail(control, OSError("it may not open so many files (ulimit -n)"))
                sys.exit(1)
            return control, data, request
        elif kind == protocol.STACKS and descriptors:
            stacks.take(descriptors[0])
        elif kind == protocol.RELEASE:
            template.release()
        else:
            sys.exit(f"a frame of kind {int(kind)} before one of kind {int(protocol.LOAD)} (load)")
