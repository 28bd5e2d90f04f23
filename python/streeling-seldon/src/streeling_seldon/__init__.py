"""The command `seldon-core-microservice`: starts Streeling under that name.

The name is what gives the server the defaults of seldon-core, so the whole work is to find the
program `streeling` and to become it.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Iterator, Mapping, NoReturn

__all__ = ["COMMAND", "main"]

COMMAND = "seldon-core-microservice"

# What a shell says of a command that is not there.
_NOT_FOUND = 127
# What it says of one that cannot be run.
_NOT_RUN = 126


def main() -> NoReturn:
    """Becomes the server; returns never."""
    version = _seldon_core()
    if version is not None:
        _say(
            "starting Streeling: the package streeling-seldon has taken this name from "
            f"seldon-core {version}, which is installed too"
        )
    program = _find(os.environ.get("PATH"))
    if program is None:
        _say("the program streeling is neither beside this interpreter nor on PATH")
        sys.exit(_NOT_FOUND)
    try:
        os.execve(program, [COMMAND, *sys.argv[1:]], _environment(os.environ))
    except OSError as error:
        _say(f"cannot start {program}: {error.strerror}")
        sys.exit(_NOT_RUN)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What the server is started with: it runs components under this interpreter by default.

    seldon-core does, and an environment need not be active for one of its commands to be called.
    """
    variables = dict(variables)
    # An empty variable is none.
    if not variables.get("STREELING_PYTHON") and sys.executable:
        variables["STREELING_PYTHON"] = sys.executable
    return variables


def _find(path: str | None) -> str | None:
    """The program `streeling`, of the wheel of that name where it is there."""
    for folder in _folders():
        found = shutil.which("streeling", path=str(folder))
        if found is not None:
            return found
    return shutil.which("streeling", path=path)


def _folders() -> Iterator[Path]:
    """Where pip puts programs beside this interpreter."""
    yield Path(sysconfig.get_path("scripts"))
    # `pip install --user`
    yield Path(sysconfig.get_path("scripts", f"{os.name}_user"))
    # Debian's pip puts them elsewhere than its Python says.
    yield Path(sys.argv[0]).absolute().parent


def _seldon_core() -> str | None:
    """The version of the real seldon-core in this environment, if it is there."""
    try:
        return metadata.version("seldon-core")
    except metadata.PackageNotFoundError:
        return None


def _say(text: str) -> None:
    # Where standard error is closed, nothing can be said.
    if sys.stderr is not None:
        sys.stderr.write(f"{COMMAND}: {text}\n")
        sys.stderr.flush()
