"""What is probably meant, where a component is not found or defines nothing that is called."""

from __future__ import annotations

import difflib
import inspect
import pkgutil
import platform
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Iterable

# Names that a hint lists at most.
MOST = 12


def of_import(request: dict[str, Any], error: BaseException) -> str | None:
    """The hint for an import that failed, or for a class that its module does not have."""
    name, wanted = request["module"], request["class"]
    module = sys.modules.get(name)
    if isinstance(error, ModuleNotFoundError) and error.name is not None:
        return _missing_module(request["app_dir"], name, error.name)
    if isinstance(error, AttributeError) and module is not None and not hasattr(module, wanted):
        return _missing_class(module, wanted)
    return None


def of_methods(component: object, known: Iterable[str]) -> str:
    """The public methods of a component that has none of those `known`, and what they may mean."""
    names = [
        name
        for cls in type(component).__mro__[:-1]
        for name, value in vars(cls).items()
        if not name.startswith("_") and callable(value)
    ]
    if not names:
        return "it has no public methods"
    known = list(known)
    for name in names:
        similar = difflib.get_close_matches(name, known, 1, 0.75)
        if similar:
            return f"is {similar[0]} meant by {name}?"
    return f"it has {_list(names)}"


def _missing_module(folder: str, wanted: str, missing: str) -> str:
    python = f"{sys.executable} (Python {platform.python_version()}, --python)"
    if wanted != missing and not wanted.startswith(missing + "."):
        return f"{wanted} imports {missing}, which {python} does not have"
    place = f"the folder {Path(folder).resolve()} (--app-dir)"
    text = f"neither {place} nor {python} has a module {missing}"
    if "." in missing:
        return text
    there = [module.name for module in pkgutil.iter_modules([folder])]
    same = [name for name in there if name.lower() == missing.lower()]
    similar = same or difflib.get_close_matches(missing, there, 1)
    if similar:
        return f"{text}; is {similar[0]} meant?"
    return f"{text}; in the folder are {_list(there)}" if there else text


def _missing_class(module: ModuleType, wanted: str) -> str:
    name = module.__name__
    text = f"the module {name} ({getattr(module, '__file__', None)}) has no class {wanted}"
    classes = [
        found
        for found, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == name
    ]
    if wanted == "py" and hasattr(module, name.rpartition(".")[2]):
        meant = [name.rpartition(".")[2]]
    else:
        meant = classes if len(classes) == 1 else difflib.get_close_matches(wanted, classes, 1)
    if meant:
        # A name without a dot is that of the module and of the class.
        return f"{text}; is {meant[0] if meant[0] == name else f'{name}.{meant[0]}'} meant?"
    return f"{text}; its classes are {_list(classes)}" if classes else f"{text}, and no other"


def _list(names: Iterable[str]) -> str:
    names = sorted(set(names))
    more = ", …" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
