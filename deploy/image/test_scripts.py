"""The scripts of the image, each run by this machine's shell in a copy that has other paths."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMEOUT = 30

# It says how it was started, and then waits for a signal where the test says so.
SERVER = f"""#!{sys.executable}
import json, os, signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
environment = {{name: os.environ.get(name) for name in ("VIRTUAL_ENV", "PATH")}}
print(json.dumps([sys.argv, os.getpid(), environment, os.getcwd()]), flush=True)
if "--wait" in sys.argv:
    found = signal.sigtimedwait([signal.SIGTERM], {TIMEOUT})
    print("signal", found and found.si_signo, flush=True)
"""


class Image(unittest.TestCase):
    """A folder with what the scripts name, in the place of `/`."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.server = self.root / "usr/local/bin/seldon-core-microservice"
        self.venv = self.root / "opt/venv"
        self.component = self.root / "microservice"
        for path in (self.server.parent, self.venv, self.component):
            path.mkdir(parents=True)
        self.write(self.server, SERVER)
        self.entrypoint = self.copy("entrypoint", "usr/local/bin/streeling-entrypoint")

    def write(self, path: Path, text: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def copy(self, name: str, target: str) -> Path:
        text = (HERE / name).read_text()
        for path in ("/usr/local/bin", "/opt/venv", "/microservice", "/tmp/src", "/whl"):
            text = text.replace(path, f"{self.root}{path}")
        return self.write(self.root / target, text)

    def environment(self, **variables: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.root), **variables}

    def run_script(
        self, script: Path, *arguments: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(script), *arguments],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )

    def arguments(self, *arguments: str, **variables: str) -> list[str]:
        """The server's arguments, after its own name."""
        done = self.run_script(self.entrypoint, *arguments, **variables)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        (program, *rest), *_ = json.loads(done.stdout)
        self.assertEqual(program, str(self.server))
        return list(map(str, rest))


class Entrypoint(Image):
    def test_only_what_is_set_becomes_a_flag(self) -> None:
        self.assertEqual(self.arguments(MODEL_NAME="Iris"), ["Iris"])
        nothing = {"SERVICE_TYPE": "", "PARAMETERS": "", "PERSISTENCE": ""}
        self.assertEqual(self.arguments(MODEL_NAME="Iris", **nothing), ["Iris"])
        ignored = {"API_TYPE": "GRPC", "PERSISTENCE": "0", "GUNICORN_WORKERS": "4"}
        self.assertEqual(self.arguments(MODEL_NAME="Iris", **ignored), ["Iris"])

    def test_each_value_is_one_argument(self) -> None:
        parameters = '[{"name": "a b", "value": "$(c) `d` \'*\'", "type": "STRING"}]'
        found = self.arguments(
            MODEL_NAME="a.b.Iris",
            SERVICE_TYPE="ROUTER",
            PARAMETERS=parameters,
            PERSISTENCE="1",
        )
        flags = ["--service-type", "ROUTER", "--parameters", parameters, "--persistence", "1"]
        self.assertEqual(found, ["a.b.Iris", *flags])

    def test_arguments_come_last_and_so_before_variables(self) -> None:
        found = self.arguments("--service-type=MODEL", MODEL_NAME="Iris", SERVICE_TYPE="ROUTER")
        self.assertEqual(found, ["Iris", "--service-type", "ROUTER", "--service-type=MODEL"])

    def test_no_model_is_an_error_unless_flags_say_what_to_do(self) -> None:
        done = self.run_script(self.entrypoint)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("MODEL_NAME must be set", done.stderr)
        self.assertEqual(self.arguments("--version"), ["--version"])

    def test_another_program_is_run_in_the_environment_of_the_component(self) -> None:
        self.write(self.venv / "bin/python", "#!/bin/sh\necho python of the component: $1\n")
        done = self.run_script(self.entrypoint, "python", "train.py", MODEL_NAME="Iris")
        self.assertEqual(done.stdout, "python of the component: train.py\n")

    def test_the_environment_of_the_component_is_active_where_no_other_is(self) -> None:
        def active(**variables: str) -> tuple[str | None, bool]:
            done = self.run_script(self.entrypoint, MODEL_NAME="Iris", **variables)
            environment = json.loads(done.stdout)[2]
            first = environment["PATH"].startswith(f"{self.venv}/bin:")
            return environment["VIRTUAL_ENV"], first

        self.assertEqual(active(), (None, False))
        self.write(self.venv / "bin/python", "")
        self.assertEqual(active(), (str(self.venv), True))
        self.assertEqual(active(VIRTUAL_ENV="/other"), ("/other", False))

    def test_the_program_of_that_name_on_the_path_is_not_taken(self) -> None:
        self.write(self.venv / "bin/python", "")
        self.write(self.venv / "bin/seldon-core-microservice", "#!/bin/sh\nexit 1\n")
        self.assertEqual(self.arguments(MODEL_NAME="Iris"), ["Iris"])

    def test_the_server_is_the_process_that_gets_signals(self) -> None:
        process = subprocess.Popen(
            [str(self.entrypoint), "--wait"],
            env=self.environment(MODEL_NAME="Iris"),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        with process.stdout:
            started = json.loads(process.stdout.readline())
            self.assertEqual(started[1], process.pid)
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.stdout.readline(), f"signal {int(signal.SIGTERM)}\n")
        self.assertEqual(process.wait(TIMEOUT), 0)


class Run(Image):
    def test_it_is_the_entry_point_in_the_folder_of_the_component(self) -> None:
        script = self.copy("s2i/run", "usr/libexec/s2i/run")
        done = self.run_script(script, MODEL_NAME="Iris")
        (_, *arguments), _, _, folder = json.loads(done.stdout)
        self.assertEqual((arguments, folder), (["Iris"], str(self.component)))
        # As s2i leaves it: the script behind the entry point of the image.
        behind = self.run_script(self.entrypoint, str(script), MODEL_NAME="Iris")
        self.assertEqual(json.loads(behind.stdout)[0], json.loads(done.stdout)[0])


class Assemble(Image):
    def setUp(self) -> None:
        super().setUp()
        self.script = self.copy("s2i/assemble", "usr/libexec/s2i/assemble")
        self.upload = self.root / "tmp/src"

    def assemble(self) -> subprocess.CompletedProcess[str]:
        return self.run_script(self.script, PIP_NO_INDEX="1")

    def test_what_is_uploaded_is_moved_with_hidden_files(self) -> None:
        self.write(self.upload / "Iris.py", "")
        self.write(self.upload / ".model/weights", "1")
        done = self.assemble()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("nothing is installed", done.stdout)
        self.assertEqual((self.component / ".model/weights").read_text(), "1")
        self.assertTrue((self.component / "Iris.py").exists())
        self.assertFalse(self.upload.exists())
        self.assertEqual(list(self.venv.iterdir()), [])

    def test_requirements_are_installed_from_wheels_that_are_at_hand(self) -> None:
        wheel(self.root / "whl", "streeling_test_package", "1.0")
        # A source that is in its place already, as in a Dockerfile.
        self.write(self.component / "requirements.txt", "streeling-test-package==1.0\n")
        self.write(self.component / "pyproject.toml", "[tool.ruff]\n")
        done = self.assemble()
        self.assertEqual(done.returncode, 0, done.stderr)
        code = "import streeling_test_package as package; print(package.VERSION)"
        found = self.run_script(self.venv / "bin/python", "-c", code)
        self.assertEqual((found.stdout, found.stderr), ("1.0\n", ""))
        # What is not to be had ends the build.
        self.write(self.component / "requirements.txt", "streeling-test-package==2.0\n")
        self.assertEqual(self.assemble().returncode, 1)

    def test_a_project_is_installed(self) -> None:
        # In the place of a virtual environment that takes seconds and the network.
        python = self.write(self.venv / "bin/python", '#!/bin/sh\necho "$@"\n')
        for name, text, installed in (
            ("setup.py", "", True),
            ("pyproject.toml", "[tool.ruff]\n", False),
            ("pyproject.toml", '[project]\nname = "iris"\n', True),
            ("pyproject.toml", "[build-system]\n", True),
        ):
            with self.subTest(name=name, text=text):
                file = self.write(self.component / name, text)
                done = self.assemble()
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                last = done.stdout.splitlines()[-1]
                self.assertEqual(last.endswith(" --no-cache-dir ."), installed, last)
                file.unlink()
        self.assertTrue(python.exists())

    def test_conda_is_an_error_unless_packages_are_named_otherwise(self) -> None:
        file = self.write(self.component / "environment.yml", "name: iris\n")
        done = self.assemble()
        self.assertEqual(done.returncode, 1)
        self.assertIn("environment.yml describes an environment of Conda", done.stderr)
        file.rename(self.component / "environment.yaml")
        self.write(self.venv / "bin/python", "#!/bin/sh\n")
        self.write(self.component / "requirements.txt", "")
        done = self.assemble()
        self.assertEqual(done.returncode, 0)
        self.assertIn("environment.yaml is not read", done.stderr)


def wheel(folder: Path, name: str, version: str) -> None:
    """A wheel of one module, as small as pip takes it."""
    folder.mkdir()
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)


if __name__ == "__main__":
    unittest.main()
