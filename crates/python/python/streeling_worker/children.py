"""What processes that the component starts find: signals, and packages to import."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import signal
import socket
import sys
import threading
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "seldon_core"
# What the files of modules in memory begin with.
IN_MEMORY = "<streeling>"


def handle_signals() -> None:
    """Leaves the end of this process to the server, and that of its children to the system.

    Ctrl-C goes to the whole terminal, and so does a TERM to the whole group, from systemd for one.
    Handlers and not SIG_IGN, which programs that the component starts would inherit.
    """
    for number in _DEFAULTS:
        signal.signal(number, _do_nothing)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_forking.begin,
            after_in_parent=_forking.end,
            after_in_child=_forking.end_in_child,
        )


def handle_signals_again() -> None:
    """For a worker that has just been forked: it is no child of the component's own. The
    component's handlers stay."""
    for number, default in _DEFAULTS.items():
        if signal.getsignal(number) == default:
            signal.signal(number, _do_nothing)


def keep_from_children(sockets: list[socket.socket]) -> None:
    """Closes these in processes that are forked from now on: one that outlives this process would
    keep its server from seeing their end, and one that returned from its call would take requests.
    """

    def close() -> None:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.close()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=close)


def end_by_signal() -> None:
    """For the component's own server, which is ended by SIGTERM, in its own way or by default."""
    if signal.getsignal(signal.SIGTERM) is _do_nothing:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _do_nothing(number: int, frame: object) -> None:
    pass


class _Forking(threading.local):
    """The forking of a process, in the thread that forks.

    Signals are blocked meanwhile: Python forgets those that reach the new process before it has
    recovered from the fork, and a caller that ends it at once would wait for ever.
    """

    def __init__(self) -> None:
        self._before: set[Any] = set()

    def begin(self) -> None:
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, _DEFAULTS)

    def end(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def end_in_child(self) -> None:
        for number, default in _DEFAULTS.items():
            # Unless the component has a handler of its own.
            if signal.getsignal(number) is _do_nothing:
                signal.signal(number, default)
        self.end()


_DEFAULTS: dict[Any, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}
_forking = _Forking()


def share_packages(folder: str | None) -> None:
    """Puts the folder that holds our packages as files behind all others of the import path, and
    into `PYTHONPATH`, for interpreters that the component starts, where no `seldon_core` is
    installed that it would hide.

    An installed one comes first, as long as it can be imported.
    """
    installed = _installed()
    if folder is not None:
        sys.path.append(folder)
        if installed is None:
            before = os.environ.get("PYTHONPATH")
            os.environ["PYTHONPATH"] = os.pathsep.join([before, folder]) if before else folder
    if installed is not None and PACKAGE not in sys.modules:
        sys.meta_path.insert(0, _Installed(installed, folder))


def _installed() -> ModuleSpec | None:
    """The package that is there besides ours; a folder that merely has its name is none."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.loader is None or spec.origin is None:
        return None
    return None if spec.origin.startswith(IN_MEMORY) else spec


class _Installed:
    """Imports the installed package, and ours in its place when that one cannot be imported."""

    def __init__(self, spec: ModuleSpec, folder: str | None) -> None:
        self._spec = spec
        self._folder = folder
        self._loader: Any = spec.loader

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if name != PACKAGE:
            return None
        sys.meta_path.remove(self)
        # It has the methods of a loader, not the base class.
        self._spec.loader = self  # type: ignore[assignment]
        return self._spec

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Runs the package's own code, and imports what every component does."""
        self._spec.loader = module.__loader__ = self._loader
        try:
            self._loader.exec_module(module)
            importlib.import_module(f"{PACKAGE}.user_model")
        except Exception as error:
            ours = _our_spec(self._folder)
            if ours is None:
                raise
            logging.getLogger("streeling").warning(
                "the installed %s cannot be imported, so the server's own takes its place: %s: %s",
                PACKAGE,
                type(error).__name__,
                error,
            )
            self._replace(module, ours)

    def _replace(self, module: ModuleType, ours: ModuleSpec) -> None:
        for name in [name for name in sys.modules if name.startswith(f"{PACKAGE}.")]:
            del sys.modules[name]
        if self._folder is not None:
            # Interpreters that the component starts get the path as it is here.
            others = [entry for entry in sys.path if entry != self._folder]
            sys.path[:] = [self._folder, *others]
        kept = {"__name__": PACKAGE, "__builtins__": module.__dict__["__builtins__"]}
        module.__dict__.clear()
        module.__dict__.update(kept)
        module.__spec__, module.__loader__ = ours, ours.loader
        module.__package__, module.__path__ = PACKAGE, list(ours.submodule_search_locations or ())
        module.__file__ = ours.origin
        sys.modules[PACKAGE] = module
        # A spec that has been found has a loader.
        ours.loader.exec_module(module)  # type: ignore[union-attr]


def _our_spec(folder: str | None) -> ModuleSpec | None:
    """Our package as it lies in the folder, or in memory."""
    if folder is not None and Path(folder, PACKAGE).is_dir():
        return PathFinder.find_spec(PACKAGE, [folder])
    for finder in sys.meta_path:
        if getattr(finder, "sources", None):
            return finder.find_spec(PACKAGE, None)
    return None
