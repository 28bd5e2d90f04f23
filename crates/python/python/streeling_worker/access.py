"""What a component asks for beside its messages, found out when it has been loaded.

The request's head and body are sent to a worker only where the component can read them: it holds
Flask's request, imports `streeling`, or has error handlers for Flask.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from .errors import HANDLERS
from .methods import Methods
from .original import kept

# Imports within functions that count, by the name that code has for them.
_FLASK = "flask"
_OWN = "streeling"
_GET_REQUEST = {"get_request", "get_multi_form_data_request"}

# What a module holds that reads requests.
_OF_FLASK = (
    *("request", "current_app", "g", "session", "jsonify", "url_for", "has_request_context"),
    *("after_this_request", "copy_current_request_context", "render_template", "globals"),
)
_OF_SELDON_CORE = (*_GET_REQUEST, "jsonify")
# Packages that hold it for others.
_HOLDERS = {_FLASK, "werkzeug", "flask_cors", "flask_opentracing", "seldon_core"}
_HOLDERS.add("streeling_worker")


class Names:
    """All names that the code of the component's own modules has, without those of attributes.

    Names of packages are without what comes behind the first dot.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._own = _Own(folder)
        self._found: set[str] = set()
        # The newest module that has been looked at.
        self._newest: str | None = None

    def update(self) -> set[str]:
        """Looks at the modules that have come since the last time: in a forked worker, not at those
        whose memory it shares with others, which even a look makes a copy of."""
        names = _until(self._newest)
        for name in names:
            module = sys.modules.get(name)
            if self._own.has(module):
                for code in _codes(_code_of(module)):
                    self._found.update(name.partition(".")[0] for name in code.co_names)
        self._newest = names[0] if names else self._newest
        return self._found


def _until(known: str | None) -> list[str]:
    """The names of modules, from the newest one down to this one, which is left out."""
    names: list[str] = []
    try:
        for name in reversed(sys.modules):
            if name == known:
                break
            names.append(name)
    except RuntimeError:
        # A thread of the component's imports something at this moment.
        return list(sys.modules)[::-1]
    return names


def prepare(methods: Methods, component: object, names: Names) -> dict[str, Any]:
    """Puts what the component asks for around its handlers; gives its part of `ready`."""
    mentioned = names.update()
    handlers = _blueprint(component)
    flask = _flask() if handlers is not None or reads_requests(mentioned) else None
    reads_body = flask is not None
    pages = None
    if flask is not None:
        from .web import Web

        application = Web(handlers, names.folder)
        pages = application.pages()
        methods.wrap(application.within)
        if pages is not None:
            methods.page = application.page
    if reads_body or _OWN in sys.modules or _OWN in mentioned:
        methods.wrap(kept)
        return {"request": "whole" if reads_body else "head", "pages": pages}
    return {"request": None, "pages": None}


def _blueprint(component: object) -> Any:
    """The component's error handlers for Flask, if it has any."""
    found = getattr(component, HANDLERS, None)
    if found is None:
        return None
    # Few components have them, and the module takes its time to import.
    from .web import blueprint

    return blueprint(found)


def reads_requests(mentioned: set[str]) -> bool:
    """Whether any module that is loaded can get at Flask's request, or will import Flask."""
    if _FLASK in mentioned or _GET_REQUEST & mentioned:
        return True
    flask = sys.modules.get(_FLASK)
    if flask is None:
        return False
    given = [flask, sys.modules.get("flask.globals")]
    given += [getattr(flask, name, None) for name in _OF_FLASK]
    utils = sys.modules.get("seldon_core.flask_utils")
    given += [utils, *(getattr(utils, name, None) for name in _OF_SELDON_CORE)]
    wanted = {id(value) for value in given if value is not None}
    return any(
        id(value) in wanted
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] not in _HOLDERS
        for value in list(getattr(module, "__dict__", {}).values())
    )


class _Own:
    """Tells the component's own modules from others by the folders in which their files lie."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).resolve()
        # What has been found out, for each folder of modules: hundreds of modules lie in a few.
        self._known: dict[str, bool] = {}

    def has(self, module: ModuleType | None) -> bool:
        file = getattr(module, "__file__", None)
        if not isinstance(file, str):
            return False
        place = file.rpartition("/")[0]
        found = self._known.get(place)
        if found is None:
            found = self._known[place] = self._is_own(place)
        return found

    def _is_own(self, place: str) -> bool:
        path = Path(place).resolve()
        # An environment may lie in the folder of the component.
        is_installed = {"site-packages", "dist-packages"} & set(path.parts)
        return self._folder in (path, *path.parents) and not is_installed


def _code_of(module: Any) -> CodeType | None:
    try:
        found = module.__spec__.loader.get_code(module.__name__)
    except Exception:
        # A module that is compiled, or made in another way, does not show its code.
        return None
    return found if isinstance(found, CodeType) else None


def _codes(code: CodeType | None) -> Iterator[CodeType]:
    if code is not None:
        yield code
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from _codes(constant)


def _flask() -> Any:
    try:
        return importlib.import_module(_FLASK)
    except ImportError:
        # The one who imports it gets that error itself.
        return None
