"""Writes what the real seldon-core does with the generated calls, and what its modules define.

Run with its interpreter, as `cargo xtask conformance package` does; with `--check` it says whether
the files are what the real one does.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


def main() -> None:
    """Records, or checks."""
    if os.environ.get("STREELING_RECORDS") != "1":
        again()
    from tests.standin.generate import calls
    from tests.standin.interface import MODULES, describe
    from tests.standin.run import outcome

    outcomes = [{**case, **outcome(case)} for case in calls()]
    # What fails by accident may do better here.
    kept = [case for case in outcomes if case.get("raises", {}).get("type") != "accident"]
    write("recorded.json", [json.dumps(case, separators=(",", ":")) for case in kept])
    interface = [json.dumps([module, describe(module)]) for module in MODULES]
    write("interface.json", interface)


def write(name: str, lines: list[str]) -> None:
    """One file, or a look at whether it is the same."""
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    file = FOLDER / name
    if "--check" not in sys.argv:
        file.write_text(text)
    elif file.read_text() != text:
        sys.exit(f"{file} is not what this seldon-core does: cargo xtask conformance package")
    sys.stdout.write(f"{len(lines)} lines in {file}\n")


def again() -> None:
    """Starts over in the environment of the calls, which modules read when they are imported."""
    from tests.standin.run import ENVIRONMENT

    environment = {**os.environ, **ENVIRONMENT, "STREELING_RECORDS": "1"}
    sys.exit(subprocess.call([sys.executable, __file__, *sys.argv[1:]], env=environment))


if __name__ == "__main__":
    # `tests` is found beside the stand-in, which must not be taken for the real one.
    import importlib.util

    spec = importlib.util.find_spec("seldon_core")
    if spec is None:
        sys.exit(f"no seldon-core in {sys.prefix}")
    sys.modules["tensorflow"] = None  # type: ignore[assignment]
    import seldon_core  # noqa: F401

    sys.path.insert(0, str(FOLDER.parents[1]))
    main()
