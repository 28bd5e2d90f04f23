"""What is said where a component is not found, or defines nothing that is called."""

from __future__ import annotations

import sys
import tempfile
import textwrap
import types
import unittest
from pathlib import Path
from typing import Any

from streeling_worker import hints, loader, methods


class Import(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        sys.path.insert(0, self.folder)
        self.addCleanup(sys.path.remove, self.folder)

    def write(self, name: str, text: str) -> None:
        Path(self.folder, f"{name}.py").write_text(textwrap.dedent(text))
        self.addCleanup(sys.modules.pop, name, None)

    def hint(self, module: str, cls: str) -> Any:
        request = {"module": module, "class": cls, "app_dir": self.folder, "parameters": {}}
        with self.assertRaises(loader.LoadError) as caught:
            loader.construct(request)
        self.assertEqual(caught.exception.body["stage"], "import")
        return caught.exception.body["hint"]

    def test_module_that_is_not_there(self) -> None:
        where = (str(Path(self.folder).resolve()), "--app-dir", sys.executable, "--python")
        hint = self.hint("hinted_absent", "A")
        for part in (*where, "has a module hinted_absent"):
            self.assertIn(part, hint)
        self.write("hinted_one", "")
        self.assertTrue(self.hint("hinted_noe", "A").endswith("; is hinted_one meant?"))
        self.assertTrue(self.hint("Hinted_One", "A").endswith("; is hinted_one meant?"))
        self.assertTrue(self.hint("zzz", "A").endswith("; in the folder are hinted_one"))
        self.assertIn("has a module hinted_one.below", self.hint("hinted_one.below", "A"))

    def test_package_that_the_module_imports(self) -> None:
        self.write("hinted_two", "import hinted_absent.part")
        hint = self.hint("hinted_two", "A")
        self.assertIn(f"hinted_two imports hinted_absent, which {sys.executable}", hint)

    def test_class_that_is_not_there(self) -> None:
        self.write("hinted_three", "from decimal import Decimal\nclass First: pass\n")
        hint = self.hint("hinted_three", "Frist")
        self.assertIn(str(Path(self.folder, "hinted_three.py")), hint)
        self.assertTrue(hint.endswith("has no class Frist; is hinted_three.First meant?"), hint)
        # The only class, however little its name is alike.
        self.assertTrue(self.hint("hinted_three", "A").endswith("is hinted_three.First meant?"))
        self.write("hinted_four", "class One: pass\nclass Two: pass\n")
        self.assertTrue(self.hint("hinted_four", "A").endswith("; its classes are One, Two"))
        self.write("hinted_five", "")
        self.assertTrue(self.hint("hinted_five", "A").endswith(" has no class A, and no other"))

    def test_name_of_a_file(self) -> None:
        self.write("hinted_six", "class Other: pass\nclass hinted_six: pass\n")
        self.assertTrue(self.hint("hinted_six", "py").endswith("; is hinted_six meant?"))
        self.write("hinted_seven", "class Other: pass\n")
        self.assertTrue(self.hint("hinted_seven", "py").endswith("; is hinted_seven.Other meant?"))

    def test_other_errors_have_none(self) -> None:
        self.write("hinted_eight", "1 / 0")
        self.assertIsNone(self.hint("hinted_eight", "A"))
        self.write("hinted_nine", "import sys\nsys.nowhere")
        self.assertIsNone(self.hint("hinted_nine", "A"))


class Methods(unittest.TestCase):
    def hint(self, **members: Any) -> Any:
        component = type("Component", (), members)()
        return loader.method_hint(component, methods.capabilities(component))

    def test_nothing_that_is_called(self) -> None:
        def method(*arguments: Any) -> None:
            pass

        self.assertEqual(self.hint(), "it has no public methods")
        self.assertEqual(self.hint(_predict=method, size=1), "it has no public methods")
        self.assertEqual(self.hint(perdict=method), "is predict meant by perdict?")
        self.assertEqual(self.hint(run=method, tags=method), "it has run, tags")
        many = {f"method{number:02d}": method for number in range(hints.MOST + 1)}
        self.assertTrue(self.hint(**many).endswith("method11, …"))

    def test_one_method_is_enough(self) -> None:
        def method(*arguments: Any) -> None:
            pass

        for name in ("predict", "route_raw", "predict_rest", "health_status", "custom_service"):
            self.assertIsNone(self.hint(**{name: method}), name)

    def test_thread_safe_is_true_itself(self) -> None:
        for value, expected in ((True, True), (False, False), (1, False), ("yes", False)):
            component = types.SimpleNamespace(thread_safe=value)
            self.assertIs(loader.is_thread_safe(component), expected)
        self.assertIs(loader.is_thread_safe(object()), False)
