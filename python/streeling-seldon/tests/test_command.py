"""What the command does, with a program of the tests in the place of the server."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import unittest
from importlib import metadata
from pathlib import Path
from unittest import mock

PROJECT = Path(__file__).resolve().parents[1]
ROOT = PROJECT.parents[1]
sys.path.insert(0, str(PROJECT / "src"))

import streeling_seldon  # noqa: E402

TIMEOUT = 30


class Folder(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name).resolve()

    def program(self, folder: str, text: str = "#!/bin/sh\n") -> str:
        """Writes a program `streeling`; gives its path."""
        path = self.folder / folder / "streeling"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return str(path)


class Found(Folder):
    """Where the program is looked for."""

    def find(self, **folders: str) -> str | None:
        """With these folders, and folders without it in the place of the others."""

        def folder(name: str) -> str:
            return str(self.folder / folders.get(name, "nothing"))

        def scripts(name: str, scheme: str = "scripts") -> str:
            self.assertEqual(name, "scripts")
            return folder("user" if scheme == "posix_user" else scheme)

        with mock.patch.object(sysconfig, "get_path", scripts), mock.patch.object(
            sys, "argv", [folder("beside") + "/seldon-core-microservice"]
        ):
            return streeling_seldon._find(folder("path"))

    def test_beside_the_interpreter_comes_before_the_path(self) -> None:
        a, b = self.program("a"), self.program("b")
        self.assertEqual(self.find(scripts="a", path="b"), a)
        self.assertEqual(self.find(user="b", path="a"), b)
        self.assertEqual(self.find(beside="a", path="b"), a)
        self.assertEqual(self.find(path="b"), b)
        self.assertIsNone(self.find())

    def test_a_file_that_cannot_be_run_is_none(self) -> None:
        Path(self.program("a")).chmod(0o644)
        b = self.program("b")
        self.assertEqual(self.find(scripts="a", path="b"), b)


class Environment(unittest.TestCase):
    def test_components_run_under_this_interpreter_unless_it_is_said_otherwise(self) -> None:
        environment = streeling_seldon._environment
        expected = {"A": "1", "STREELING_PYTHON": sys.executable}
        self.assertEqual(environment({"A": "1"}), expected)
        self.assertEqual(environment({"A": "1", "STREELING_PYTHON": ""}), expected)
        self.assertEqual(
            environment({"STREELING_PYTHON": "python3.12"}), {"STREELING_PYTHON": "python3.12"}
        )
        # An interpreter that is embedded has no name.
        with mock.patch.object(sys, "executable", ""):
            self.assertEqual(environment({"A": "1"}), {"A": "1"})


class Said(Folder):
    """What is written to standard error, and the exit code where no server is started."""

    def start(self, program: str | None, seldon_core: str | None) -> tuple[int | None, str]:
        def version(name: str) -> str:
            self.assertEqual(name, "seldon-core")
            if seldon_core is None:
                raise metadata.PackageNotFoundError(name)
            return seldon_core

        started = mock.patch.object(os, "execve") if program else contextlib.nullcontext()
        with mock.patch.object(metadata, "version", version), mock.patch.object(
            streeling_seldon, "_find", lambda path: program
        ), started, contextlib.redirect_stderr(io.StringIO()) as stderr:
            code = None
            try:
                streeling_seldon.main()
            except SystemExit as end:
                assert isinstance(end.code, int)
                code = end.code
        return code, stderr.getvalue()

    def test_nothing_where_seldon_core_is_not_installed(self) -> None:
        self.assertEqual(self.start("/a/streeling", None), (None, ""))

    def test_that_the_name_is_taken_from_seldon_core(self) -> None:
        _, text = self.start("/a/streeling", "1.18.2")
        self.assertEqual(
            text,
            "seldon-core-microservice: starting Streeling: the package streeling-seldon has "
            "taken this name from seldon-core 1.18.2, which is installed too\n",
        )

    def test_that_there_is_no_program(self) -> None:
        code, text = self.start(None, None)
        self.assertEqual(code, 127)
        self.assertIn("neither beside this interpreter nor on PATH", text)

    def test_nothing_where_standard_error_is_closed(self) -> None:
        with mock.patch.object(sys, "stderr", None):
            streeling_seldon._say("text")


class Started(Folder):
    """A process of its own becomes the program."""

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "streeling_seldon", *arguments],
            env={
                "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
                "PYTHONPATH": str(PROJECT / "src"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def test_it_has_the_name_the_arguments_the_process_and_the_exit_code(self) -> None:
        # The kernel replaces the name of a script by its path, but not that of a program.
        (self.folder / "bin").mkdir()
        (self.folder / "bin/streeling").symlink_to("/bin/sh")
        script = 'echo "$0" $$ "$STREELING_PYTHON" "$@"; exit 3'
        process = self.start("-c", f'set -- "$0" "$@"; {script}', "a b", "--c")
        output, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(output, f"a b {process.pid} {sys.executable} a b --c\n")
        self.assertEqual((process.returncode, errors), (3, ""))
        # Without `-c NAME`, a shell's messages have the name that it was started with.
        _, errors = self.start("/nothing").communicate(timeout=TIMEOUT)
        self.assertIn("seldon-core-microservice: ", errors)

    def test_a_program_that_cannot_be_run_is_said_with_the_reason(self) -> None:
        path = self.program("bin", "#!/no/such/interpreter\n")
        process = self.start()
        _, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 126)
        self.assertEqual(
            errors, f"seldon-core-microservice: cannot start {path}: No such file or directory\n"
        )


class Published(unittest.TestCase):
    """What must be the same in several files of the repository."""

    def test_the_version_is_that_of_the_server(self) -> None:
        cargo = (ROOT / "Cargo.toml").read_text()
        project = (PROJECT / "pyproject.toml").read_text()
        expected = re.findall(r'^version = "(.*)"$', cargo, re.MULTILINE)
        self.assertEqual(re.findall(r'^version = "(.*)"$', project, re.MULTILINE), expected)
        self.assertEqual(re.findall(r'"streeling==(.*)"', project), expected)

    def test_every_wheel_has_the_licence(self) -> None:
        # A symbolic link would lead nowhere in a source distribution.
        for package in ("streeling", "streeling-seldon"):
            copy = ROOT / "python" / package / "LICENSE"
            self.assertFalse(copy.is_symlink())
            self.assertEqual(copy.read_bytes(), (ROOT / "LICENSE").read_bytes())


if __name__ == "__main__":
    unittest.main()
