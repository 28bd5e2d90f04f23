"""From a `construct` frame to a component that is ready."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator

from . import errors, event_loop, metadata, protocol
from .methods import SUFFIXES, capabilities, defined

if TYPE_CHECKING:
    from .tracer import Tracer


# Bytes of the metadata as JSON: with the texts beside them less than the server takes in one frame.
LARGEST_METADATA = 1 << 23


class LoadError(Exception):
    """The component cannot be made ready; `body` is the JSON of the `failed` frame."""

    def __init__(self, stage: str, error: BaseException, hint: str | None = None) -> None:
        super().__init__(stage)
        message = errors.text(error)
        name = errors.clean(type(error).__name__)
        self.body = {
            "stage": stage,
            "message": f"{name}: {message}" if message else name,
            "traceback": errors.trace(error),
            "hint": None if hint is None else errors.clean(hint),
        }


class Constructed:
    """A component as its class made it, what records its spans, and how long both took."""

    def __init__(self, component: object, request: dict[str, Any], spans: Tracer | None) -> None:
        self.component = component
        self.spans = spans
        self.seconds = 0.0
        self._request = request
        # What `load()` has returned in the template: each worker awaits it on a loop of its own.
        self._loading: Any = None
        self._is_loaded = False

    @property
    def obstacle(self) -> str | None:
        """Why workers should not be forked from this process."""
        return None if self.spans is None else self.spans.obstacle

    def load(self) -> dict[str, Any]:
        """Loads what `construct` has not, and returns the JSON of the `ready` frame. Raises
        `LoadError`."""
        start = time.monotonic()
        component: Any = self.component
        request = self._request
        self._load()
        try:
            own = component.init_metadata() if defined(component, "init_metadata") else None
            own = event_loop.settled(own)
        except BaseException as error:
            raise LoadError("metadata", error) from error
        built = problem = None
        try:
            built = metadata.build(own, request.get("metadata"), request.get("image"))
        except metadata.BadMetadata as error:
            problem = errors.text(error)
        size = 0 if built is None else len(protocol.to_json(built))
        if size > LARGEST_METADATA:
            built = None
            problem = f"metadata has {int(size)} bytes as JSON, allowed are {LARGEST_METADATA}"
        methods = capabilities(component)
        awaits = event_loop.is_awaited(component, methods)
        if awaits:
            event_loop.start()
        return {
            "methods": methods,
            "hint": method_hint(component, methods),
            "thread_safe": is_thread_safe(component),
            "awaits": awaits,
            "metadata": built,
            "metadata_error": problem,
            "load_seconds": round(time.monotonic() - start, 6),
        }

    def load_in_template(self) -> None:
        """Loads once for all workers, as far as that can be done without an event loop, which would
        not live through a fork. Raises `LoadError`."""
        if not inspect.iscoroutinefunction(getattr(self.component, "load", None)):
            with _load_errors():
                self._loading = _begin_load(self.component)
            self._is_loaded = True

    def _load(self) -> None:
        with _load_errors():
            if not self._is_loaded:
                self._loading = _begin_load(self.component)
            # A base class that leaves it to others, as seldon-core takes it.
            with contextlib.suppress(NotImplementedError):
                event_loop.settled(self._loading)
        self._loading = None


def use_folder(folder: str) -> None:
    """Puts the folder of the component behind all others, so that nothing in it hides a module of
    Python's own or an installed one."""
    sys.path.append(str(Path.cwd() / folder))


def import_hint(stage: str, request: dict[str, Any], error: BaseException) -> str | None:
    """What is probably meant, where the module or the class is not found."""
    if stage != "import":
        return None
    # It brings modules along that a start without faults need not load.
    from . import hints

    return hints.of_import(request, error)


def method_hint(component: object, methods: list[str]) -> str | None:
    """What is probably meant, where the component defines nothing that is called."""
    called = {name + suffix for name in protocol.METHODS.values() for suffix in SUFFIXES}
    called.add("custom_service")
    if called.intersection(methods):
        return None
    from . import hints

    return hints.of_methods(component, called)


def is_thread_safe(component: object) -> bool:
    """Whether the class says that several threads may call its methods at once."""
    try:
        return getattr(component, "thread_safe", False) is True
    except Exception:
        return False


def _spans(request: dict[str, Any]) -> Tracer | None:
    """What records the component's spans, where tracing is on."""
    settings = request.get("tracing")
    if settings is None:
        return None
    from . import tracer

    return tracer.install(settings, request["app_dir"])


def construct(request: dict[str, Any]) -> Constructed:
    """Imports and constructs, and loads where that is to be done once. Raises `LoadError`."""
    start = time.monotonic()
    stage = "import"
    # A component may raise anything at its start, `SystemExit` included.
    try:
        module = importlib.import_module(request["module"])
        factory = getattr(module, request["class"])
        spans = _spans(request)
        stage = "construct"
        component = factory(**request["parameters"])
    except BaseException as error:
        raise LoadError(stage, error, import_hint(stage, request, error)) from error
    constructed = Constructed(component, request, spans)
    if request["load_in"] == "template":
        constructed.load_in_template()
    constructed.seconds = round(time.monotonic() - start, 6)
    return constructed


def _begin_load(component: Any) -> Any:
    """What `load()` returns, if there is one."""
    if defined(component, "load"):
        with contextlib.suppress(NotImplementedError):
            return component.load()
    return None


@contextlib.contextmanager
def _load_errors() -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        raise LoadError("load", error) from error
