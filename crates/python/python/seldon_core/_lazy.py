"""Names of a module that are looked up when they are first used, so that importing it is cheap."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Callable, Mapping, NoReturn, Sequence


class LeftOut(ImportError):
    """Only the real seldon-core has it."""


def left_out(name: str) -> NoReturn:
    """Raises for a module or a name that only the real package has."""
    raise LeftOut(
        f"{name} is not part of Streeling's stand-in for seldon_core: pip install seldon-core",
        name=name,
    )


def needs(what: str, package: str, error: ImportError) -> ImportError:
    """The error for a function that needs a package which is missing."""
    return ImportError(f"{what} needs the package {package} ({error})", name=error.name)


def getter(
    module: dict[str, Any],
    sources: Mapping[str, str],
    without: Sequence[str] = (),
) -> Callable[[str], Any]:
    """A `__getattr__` for the module with these globals.

    `sources` says where a name comes from, as `package.module:name` or `package.module`; `without`
    are names that the real module has and this one has not. `__all__` are the module's own public
    names and those of `sources` that can be had, since components are known to import `*` and then
    to use `np`.
    """
    own: str = module["__name__"]

    def find(name: str) -> Any:
        if name == "__all__":
            public = [name for name in module if not name.startswith("_")]
            return public + [
                name for name in sources if name not in module and _can_import(sources[name])
            ]
        if name in sources:
            source, _, attribute = sources[name].partition(":")
            value = importlib.import_module(source)
            module[name] = value = getattr(value, attribute) if attribute else value
            return value
        if name in without:
            left_out(f"{own}.{name}")
        raise AttributeError(f"module {own!r} has no attribute {name!r}")

    return find


def _can_import(source: str) -> bool:
    """Whether the package that a name comes from is installed, without importing it."""
    module = source.partition(":")[0]
    if module.startswith("seldon_core.proto."):
        module = "google.protobuf"
    package = module.partition(".")[0]
    if package == "seldon_core":
        return True
    try:
        # What is below `google` belongs to many packages.
        return importlib.util.find_spec(module if package == "google" else package) is not None
    except (ImportError, ValueError):
        return False
