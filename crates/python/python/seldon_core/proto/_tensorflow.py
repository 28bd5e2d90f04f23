"""TensorFlow's descriptors, read from its files: to import it takes seconds."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
from pathlib import Path
from typing import Iterable


def files(names: Iterable[str]) -> dict[str, bytes]:
    """The serialized descriptors of these `.proto` files that the installed TensorFlow has.

    Those that cannot be read TensorFlow registers itself when this returns.
    """
    folder = _folder()
    if folder is None:
        return {}
    found = {}
    for name in names:
        if name.startswith("tensorflow/"):
            module = name[: -len(".proto")] + "_pb2"
            serialized = _serialized(folder.parent / f"{module}.py")
            if serialized is not None:
                found[name] = serialized
                continue
            # Not where there is only a package of that name.
            with contextlib.suppress(ImportError):
                importlib.import_module(module.replace("/", "."))
    return found


def _folder() -> Path | None:
    try:
        spec = importlib.util.find_spec("tensorflow")
    except ValueError:
        # It is in `sys.modules` without a spec, as some tests put it there.
        return None
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        return Path(folder)
    return None


def _serialized(module: Path) -> bytes | None:
    """What a generated module hands to protobuf: the only long constant in it."""
    try:
        tree = ast.parse(module.read_bytes())
    except (OSError, SyntaxError):
        return None
    constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    for constant in constants:
        if isinstance(constant, str) and len(constant) > 100:
            # How protoc wrote bytes before version 3.12.
            try:
                constant = constant.encode("latin-1")
            except UnicodeError:
                continue
        # A descriptor begins with its name: field 1, of the kind that has a length.
        if isinstance(constant, bytes) and constant[:1] == b"\n" and len(constant) > 100:
            return constant
    return None
