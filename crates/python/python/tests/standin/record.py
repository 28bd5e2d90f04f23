"""Writes what the real seldon-core does with the generated calls, and what its modules define.

Run with its interpreter, as `cargo xtask standin` does; with `--check` it says whether
the files are what the real one does.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
WITH_TENSORFLOW = importlib.util.find_spec("tensorflow") is not None


def main() -> None:
    """Records, or checks."""
    if os.environ.get("STREELING_RECORDS") != "1":
        again()
    from tests.standin.generate import calls, live_calls
    from tests.standin.interface import MODULES, describe
    from tests.standin.run import outcome

    if "--live" in sys.argv:
        json.dump([{**case, **outcome(case)} for case in live_calls(WITH_TENSORFLOW)], sys.stdout)
        return
    outcomes = [{**case, **outcome(case)} for case in calls()]
    # What fails by accident may do better here.
    kept = [case for case in outcomes if not is_accident(case)]
    write("recorded.json", [json.dumps(case, separators=(",", ":")) for case in kept])
    interface = [json.dumps([module, describe(module)]) for module in MODULES]
    write("interface.json", interface)
    if "--check" in sys.argv:
        compare_live()


def is_accident(case: dict[str, Any]) -> bool:
    """Whether the real package raised something that it does not raise on purpose."""
    return bool(case.get("raises", {}).get("type") == "accident")


def write(name: str, lines: list[str]) -> None:
    """One file, or a look at whether it is the same."""
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    file = FOLDER / name
    if "--check" not in sys.argv:
        file.write_text(text)
    elif file.read_text() != text:
        sys.exit(f"{file} is not what this seldon-core does: cargo xtask standin")
    sys.stdout.write(f"{len(lines)} lines in {file}\n")


def compare_live() -> None:
    """Both packages on what needs more packages: TensorFlow, where it is there, and others."""
    from tests.standin.values import same

    command = [sys.executable, __file__, "--live"]
    cases = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    command = [sys.executable, str(FOLDER / "run.py"), "--with-tensorflow"]
    given = json.dumps(cases).encode()
    output = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True).stdout
    compared = 0
    for case, found in zip(cases, json.loads(output)):
        if is_accident(case):
            continue
        compared += 1
        expected = {name: case[name] for name in ("returns", "raises") if name in case}
        if not same(expected, found):
            sys.exit(f"{json.dumps(case)}\n    gives {json.dumps(found)}")
    if not compared:
        sys.exit("nothing was compared live")
    sys.stdout.write(f"{compared} live calls, TensorFlow: {WITH_TENSORFLOW}\n")


def again() -> None:
    """Starts over in the environment of the calls, which modules read when they are imported."""
    from tests.standin.run import ENVIRONMENT

    environment = {**os.environ, **ENVIRONMENT, "STREELING_RECORDS": "1"}
    sys.exit(subprocess.call([sys.executable, __file__, *sys.argv[1:]], env=environment))


if __name__ == "__main__":
    # `tests` is found beside the stand-in, which must not be taken for the real one.
    spec = importlib.util.find_spec("seldon_core")
    if spec is None:
        sys.exit(f"no seldon-core in {sys.prefix}")
    if "--live" not in sys.argv:
        # The recording is the same with and without it.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    import seldon_core  # noqa: F401

    sys.path.insert(0, str(FOLDER.parents[1]))
    main()
