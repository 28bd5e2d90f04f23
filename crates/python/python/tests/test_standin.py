from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.standin.run import ENVIRONMENT
from tests.standin.values import same
from tests.support import PYTHON, TIMEOUT, is_there, needs

FOLDER = PYTHON / "tests/standin"


@needs("numpy", "google.protobuf")
class AsTheRealOne(unittest.TestCase):
    """The recorded calls of the real package, on the stand-in."""

    def test_every_recorded_call(self) -> None:
        cases: list[dict[str, Any]] = json.loads((FOLDER / "recorded.json").read_text())
        self.assertGreater(len(cases), 1000)
        process = subprocess.run(
            [sys.executable, str(FOLDER / "run.py")],
            input=json.dumps(cases),
            capture_output=True,
            env={**os.environ, **ENVIRONMENT},
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        self.assertEqual(process.returncode, 0, process.stderr)
        outcomes: list[dict[str, Any]] = json.loads(process.stdout)
        self.assertEqual(len(outcomes), len(cases))
        wrong = []
        for case, outcome in zip(cases, outcomes):
            expected = {
                name: case[name] for name in ("returns", "raises", "metrics") if name in case
            }
            if not same(expected, outcome):
                wrong.append(f"{json.dumps(case)}\n    gives {json.dumps(outcome)}")
        self.assertFalse(wrong, "\n".join([f"{len(wrong)} calls", *wrong[:20]]))

    def test_names_and_parameters(self) -> None:
        code = (
            "import json, sys; sys.path.insert(0, sys.argv[1]);"
            "from tests.standin.interface import describe;"
            "recorded = json.load(sys.stdin);"
            "print(json.dumps([[module, describe(module, names)] for module, names in recorded]))"
        )
        recorded = json.loads((FOLDER / "interface.json").read_text())
        if not is_there("grpc"):
            # Its module cannot be imported without; `cargo xtask standin --check` has it.
            recorded = [entry for entry in recorded if not entry[0].endswith("_grpc")]
        self.assertGreater(len(recorded), 8)
        requested = json.dumps([[module, list(names)] for module, names in recorded])
        found = json.loads(run(code, requested, **ENVIRONMENT))
        left_out = set()
        for (module, expected), (_, names) in zip(recorded, found):
            for name, one in expected.items():
                if str(names[name]).endswith(": pip install seldon-core"):
                    left_out.add(f"{module}.{name}")
                    continue
                with self.subTest(module=module, name=name):
                    self.assertIsNotNone(names[name])
                    self.assertEqual(parameters(names[name]), parameters(one))
        self.assertEqual(left_out, {"microservice.main", "microservice.start_servers"})


def parameters(found: Any) -> Any:
    """Without the defaults of parameters, which are objects of each one's own."""
    if isinstance(found, dict):
        return {name: parameters(one) for name, one in found.items()}
    if isinstance(found, list):
        return [[name, kind, default is None] for name, kind, default in found]
    return found


def run(code: str, given: str = "", **environment: str) -> str:
    """What a new interpreter prints that is given the code, the stand-in's folder, and a text."""
    process = subprocess.run(
        [sys.executable, "-c", code, str(PYTHON)],
        input=given,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return process.stdout


if __name__ == "__main__":
    unittest.main()
