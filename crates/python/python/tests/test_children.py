"""Processes that a component starts: by forking, as interpreters, as programs."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support import PYTHON, item, predict
from tests.test_worker import Worker

MODEL = """
    import multiprocessing, os, signal, subprocess, sys, time
    from concurrent.futures import ProcessPoolExecutor
    from seldon_core.user_model import SeldonComponent

    TEXT = {"capture_output": True, "text": True}

    def square(x):
        return x * x

    def handlers(_):
        return [str(signal.getsignal(n)) for n in (signal.SIGINT, signal.SIGTERM)]

    def origin(_):
        import seldon_core
        return seldon_core.__file__

    class Model(SeldonComponent):
        def predict(self, X, names):
            what, _, argument = X.partition(" ")
            return {"result": getattr(self, what)(argument)}

        def handlers(self, method):
            with multiprocessing.get_context(method).Pool(1) as pool:
                return pool.map(handlers, [0])[0]

        def origin(self, method):
            with multiprocessing.get_context(method).Pool(1) as pool:
                return pool.map(origin, [0])[0]

        def pool(self, method):
            with multiprocessing.get_context(method).Pool(2) as pool:
                return pool.map(square, [1, 2, 3])

        def closed(self, method):
            pool = multiprocessing.get_context(method).Pool(2)
            result = pool.map(square, [1, 2, 3])
            pool.close()
            pool.join()
            return result

        def executor(self, method):
            context = multiprocessing.get_context(method)
            with ProcessPoolExecutor(2, mp_context=context) as executor:
                return list(executor.map(square, [1, 2, 3]))

        def manager(self, _):
            with multiprocessing.Manager() as manager:
                shared = manager.dict()
                shared["a"] = 1
                return dict(shared)

        def terminate(self, method):
            context = multiprocessing.get_context(method)
            process = context.Process(target=time.sleep, args=(20,))
            process.start()
            process.terminate()
            process.join(10)
            code = process.exitcode
            process.kill()
            return code

        def program(self, code):
            run = subprocess.run([sys.executable, "-c", code], cwd="/", **TEXT)
            return [run.returncode, run.stdout, run.stderr]

        def own(self, _):
            signal.signal(signal.SIGTERM, lambda number, frame: os._exit(9))
            return self.terminate("fork")
"""


class Children(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.packages = self.folder / "packages"
        shutil.copytree(PYTHON / "seldon_core", self.packages / "seldon_core")
        self.app = self.folder / "app"
        self.app.mkdir()
        (self.app / "Model.py").write_text(textwrap.dedent(MODEL))
        self.errors = ""

    def results(self, *texts: str, threads: int = 1, **load: Any) -> list[Any]:
        """What the component returns for these, one after the other, and what it has printed."""
        worker = Worker(str(self.app), threads, packages=str(self.packages), **load)
        self.assertEqual(worker.ready["kind"], 4, worker.ready)
        results = []
        for number, text in enumerate(texts):
            worker.data[0].sendall(predict(item(3, text.encode()), number))
            response = worker.response()
            self.assertEqual(response.error, {})
            results.append(response.json["result"])
        code, _, self.errors = worker.end()
        self.assertEqual(code, 0, self.errors)
        return results

    def test_forked_processes_end_at_a_signal(self) -> None:
        for threads in (1, 3):
            texts = ["terminate fork", "pool fork", "closed fork", "executor fork"]
            found = self.results(*texts * 5, threads=threads)
            squares = [1, 4, 9]
            expected = [-signal.SIGTERM, squares, squares, squares]
            self.assertEqual(found, expected * 5)

    def test_handlers_are_those_of_a_fresh_process(self) -> None:
        for method in ("fork", "spawn"):
            interrupt, terminate = self.results(f"handlers {method}")[0]
            self.assertIn("default_int_handler", interrupt)
            self.assertIn(terminate, ("0", "Handlers.SIG_DFL"))

    def test_handlers_of_the_component_are_inherited(self) -> None:
        self.assertEqual(self.results("own"), [9])

    def test_programs_have_the_default_signals(self) -> None:
        code = "import signal; print([signal.getsignal(n).__class__.__name__ for n in (2, 15)])"
        found = self.results(f"program {code}")
        self.assertEqual(
            found, [[0, "['builtin_function_or_method', 'Handlers']\n", ""]], self.errors
        )

    def test_fresh_interpreters_find_the_packages(self) -> None:
        texts = ["pool spawn", "pool forkserver", "manager", "executor spawn"]
        squares = [1, 4, 9]
        self.assertEqual(self.results(*texts), [squares, squares, {"a": 1}, squares])

    def test_the_folder_is_behind_an_installed_package(self) -> None:
        installed = self.folder / "site" / "seldon_core"
        shutil.copytree(PYTHON / "seldon_core", installed)
        with Environment("PYTHONPATH", str(installed.parent)):
            found = self.results("origin fork", "origin spawn")
        self.assertEqual(found, [str(installed / "__init__.py")] * 2)

    def test_an_installed_package_that_cannot_be_imported_is_replaced(self) -> None:
        installed = self.folder / "site" / "seldon_core"
        installed.mkdir(parents=True)
        (installed / "__init__.py").write_text("from . import other\n")
        (installed / "other.py").write_text("")
        (installed / "user_model.py").write_text("import not_there\n")
        with Environment("PYTHONPATH", str(installed.parent)):
            found = self.results("origin fork", "origin spawn")
        ours = str(self.packages / "seldon_core" / "__init__.py")
        self.assertEqual(found, [ours] * 2)
        self.assertIn(
            "takes its place: ModuleNotFoundError: No module named 'not_there'", self.errors
        )

    def test_programs_find_the_package_where_none_is_installed(self) -> None:
        with Environment("PYTHONPATH", str(self.folder)):
            code = "import seldon_core; print(seldon_core.__file__)"
            found = self.results(f"program {code}")
        ours = str(self.packages / "seldon_core" / "__init__.py")
        self.assertEqual(found, [[0, f"{ours}\n", ""]])


class Environment:
    """Sets a variable for the processes that are started within."""

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self.value = value

    def __enter__(self) -> None:
        self.before = os.environ.get(self.name)
        os.environ[self.name] = self.value

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            del os.environ[self.name]
        else:
            os.environ[self.name] = self.before


if __name__ == "__main__":
    unittest.main()
