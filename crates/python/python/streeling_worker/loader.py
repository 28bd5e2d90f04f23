"""From a `load` frame to a component that is ready."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

from . import errors, metadata
from .methods import capabilities, defined


class LoadError(Exception):
    """The component cannot be made ready; `body` is the JSON of the `failed` frame."""

    def __init__(self, stage: str, error: BaseException) -> None:
        super().__init__(stage)
        message = errors.text(error)
        name = type(error).__name__
        self.body = {
            "stage": stage,
            "message": f"{name}: {message}" if message else name,
            "traceback": errors.trace(error),
        }


class Loaded:
    """A component that is ready, with the JSON of its `ready` frame."""

    def __init__(self, component: object, ready: dict[str, Any]) -> None:
        self.component = component
        self.ready = ready


def use_folder(folder: str) -> None:
    """Puts the folder of the component where `python script.py` has the script's."""
    if sys.path and sys.path[0] == "":
        sys.path[0] = folder
    elif folder not in sys.path[:1]:
        sys.path.insert(0, folder)


def load(request: dict[str, Any]) -> Loaded:
    """Imports, constructs and loads. Raises `LoadError`."""
    start = time.monotonic()
    stage = "import"
    # A component may raise anything at its start, `SystemExit` included.
    try:
        module = importlib.import_module(request["module"])
        factory = getattr(module, request["class"])
        stage = "construct"
        component = factory(**request["parameters"])
        stage = "load"
        if defined(component, "load"):
            component.load()
        stage = "metadata"
        own = component.init_metadata() if defined(component, "init_metadata") else None
    except BaseException as error:
        raise LoadError(stage, error) from error
    built = problem = None
    try:
        built = metadata.build(own, request.get("metadata"), request.get("image"))
    except metadata.BadMetadata as error:
        problem = str(error)
    ready = {
        "methods": capabilities(component),
        "metadata": built,
        "metadata_error": problem,
        "load_seconds": round(time.monotonic() - start, 6),
    }
    return Loaded(component, ready)
