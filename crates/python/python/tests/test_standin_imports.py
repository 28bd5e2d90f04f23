from __future__ import annotations

import base64
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support import PYTHON, TIMEOUT, is_there, needs

MODULES = (
    "env_utils",
    "flask_utils",
    "imports_helper",
    "metadata",
    "metrics",
    "microservice",
    "storage",
    "user_model",
    "utils",
    "version",
)
MESSAGES = ("proto.prediction_pb2", "proto.tensorflow.core.framework.tensor_pb2")
LEFT_OUT = (
    "api_tester",
    "batch_processor",
    "gunicorn_utils",
    "microservice_tester",
    "seldon_client",
    "seldon_methods",
    "serving_test_gen",
    "wrapper",
)


def run(code: str, *path: Path) -> str:
    """What a new interpreter prints that finds packages in these folders first."""
    start = f"import sys; sys.path[:0] = {[str(folder) for folder in path]}\n"
    process = subprocess.run(
        [sys.executable, "-c", start + code],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if process.returncode:
        raise AssertionError(process.stdout)
    return process.stdout


class Imports(unittest.TestCase):
    def test_nothing_large_is_imported_before_it_is_needed(self) -> None:
        modules = "".join(f"import seldon_core.{module}\n" for module in MODULES)
        large = "numpy google.protobuf grpc flask tensorflow prometheus_client urllib.request"
        code = f"{modules}print([name for name in {large.split()} if name in sys.modules])"
        self.assertEqual(run(code, PYTHON), "[]\n")

    def test_the_package_itself_is_light(self) -> None:
        code = """
before = set(sys.modules)
from seldon_core import Storage, __version__
import seldon_core
assert seldon_core.storage.Storage is Storage and seldon_core.version.__version__ == __version__
print(__version__, sorted(set(sys.modules) & {"json", "tempfile", "zipfile", "tarfile"} - before))
"""
        self.assertEqual(run(code, PYTHON), "1.18.2 []\n")

    def test_from_an_archive(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "packages.zip"
            with zipfile.ZipFile(archive, "w") as opened:
                for file in (PYTHON / "seldon_core").rglob("*.py"):
                    opened.write(file, file.relative_to(PYTHON))
            modules = MODULES + (MESSAGES if is_there("google.protobuf") else ())
            code = "".join(f"import seldon_core.{module}\n" for module in modules)
            code += "print(sys.modules['seldon_core'].__file__)"
            self.assertIn("packages.zip", run(code, archive))

    @needs("numpy", "google.protobuf")
    def test_a_star_gives_what_components_are_known_to_use(self) -> None:
        code = """
from seldon_core.utils import *
from seldon_core.user_model import *
from seldon_core.metrics import *
message = prediction_pb2.SeldonMessage(data=array_to_grpc_datadef("tensor", np.array([1.0])))
names: Union[List, Dict, Iterable, Tuple, Optional[int]] = []
print(json.dumps(json_format.MessageToDict(message)), SeldonComponent.__name__, COUNTER, os.name)
"""
        expected = '{"data": {"tensor": {"shape": [1], "values": [1.0]}}} SeldonComponent COUNTER'
        self.assertEqual(run(code, PYTHON).strip(), f"{expected} posix")

    def test_a_star_without_what_is_not_installed(self) -> None:
        code = """
for name in ("numpy", "google", "tensorflow"):
    sys.modules[name] = None
from seldon_core.utils import *
from seldon_core.user_model import *
print("np" in globals(), "prediction_pb2" in globals(), getenv("UNSET", default=1))
"""
        self.assertEqual(run(code, PYTHON), "False False 1\n")

    def test_what_is_left_out_says_what_to_install(self) -> None:
        for name in LEFT_OUT:
            with self.subTest(name=name):
                with self.assertRaises(ImportError) as caught:
                    __import__(f"seldon_core.{name}")
                self.assertIn("pip install seldon-core", str(caught.exception))
                self.assertEqual(caught.exception.name, f"seldon_core.{name}")
        with self.assertRaises(ImportError) as caught:
            from seldon_core.microservice import main  # noqa: F401
        self.assertIn("pip install seldon-core", str(caught.exception))

    def test_an_unknown_name_is_an_attribute_error(self) -> None:
        from seldon_core import microservice, utils

        for module in (microservice, utils):
            with self.assertRaises(AttributeError):
                module.never_heard_of  # noqa: B018

    def test_a_missing_package_is_named(self) -> None:
        calls = {
            "numpy": "from seldon_core.utils import *; extract_request_parts_json({'data': {}})",
            "protobuf": "from seldon_core.utils import *; json_to_seldon_message({})",
            "tensorflow": "from seldon_core.imports_helper import *; tensorflow()",
            "Flask": "from seldon_core.flask_utils import *; get_request()",
            "prometheus-client": "import seldon_core.metrics as m; m.SeldonMetrics().collect()"
            ".__next__()",
            "grpcio": "import seldon_core.proto.prediction_pb2_grpc",
            "jaeger-client": "import seldon_core.utils as u; u.setup_tracing('x')",
        }
        hidden = (
            "numpy",
            "google",
            "tensorflow",
            "flask",
            "prometheus_client",
            "grpc",
            "jaeger_client",
        )
        for package, code in calls.items():
            with self.subTest(package=package):
                start = "".join(f"sys.modules[{name!r}] = None\n" for name in hidden)
                with self.assertRaises(AssertionError) as caught:
                    run(start + code, PYTHON)
                last = str(caught.exception).strip().splitlines()[-1]
                self.assertTrue(last.startswith("ImportError: "), last)
                self.assertIn(f"the package {package}", last)


# As protoc wrote modules from 3.20 on, and before.
NEWER = """
from google.protobuf import descriptor_pool
DESCRIPTOR = descriptor_pool.Default().AddSerializedFile({content!r})
from google.protobuf.internal import builder
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, {name!r}, globals())
"""
OLDER = """
import sys
_b = lambda x: x.encode("latin1")
from google.protobuf import descriptor_pool
DESCRIPTOR = descriptor_pool.Default().AddSerializedFile(_b({text!r}))
from google.protobuf.internal import builder
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, {name!r}, globals())
"""


# Made up for this test.
OTHER = NEWER.replace("{content!r}", "bytes.fromhex({hexadecimal!r})")


@needs("google.protobuf")
class BesideTensorFlow(unittest.TestCase):
    """A package of TensorFlow's shape, whose messages have one field more than ours."""

    def install(self, folder: Path, template: str) -> None:
        from google.protobuf.descriptor_pb2 import FileDescriptorSet
        from seldon_core.proto._descriptors import DESCRIPTORS

        for file in FileDescriptorSet.FromString(base64.b64decode(DESCRIPTORS)).file:
            if not file.name.startswith("tensorflow/"):
                continue
            for message in file.message_type:
                if message.name == "TensorProto":
                    message.field.add(name="of_another_version", number=99, label=1, type=5)
            module = folder / file.name.replace(".proto", "_pb2.py")
            module.parent.mkdir(parents=True, exist_ok=True)
            content = file.SerializeToString()
            name = file.name.replace(".proto", "_pb2").replace("/", ".")
            imports = "".join(
                f"import {needed.replace('.proto', '_pb2').replace('/', '.')}\n"
                for needed in file.dependency
            )
            forms = {"content": content, "text": content.decode("latin1")}
            forms["hexadecimal"] = content.hex()
            module.write_text(imports + template.format(name=name, **forms))
        (folder / "tensorflow/__init__.py").write_text(
            "import tensorflow.core.framework.tensor_pb2\nimported = True\n"
        )

    def both_orders(self, template: str, is_imported: bool = False) -> None:
        ours = "from seldon_core.proto import prediction_pb2\n"
        theirs = "from tensorflow.core.framework.tensor_pb2 import TensorProto\n"
        check = """
from seldon_core.proto.tensorflow.core.framework import tensor_pb2, types_pb2
assert tensor_pb2.TensorProto is TensorProto
tensor = TensorProto(dtype=types_pb2.DT_INT32, int_val=[7], of_another_version=3)
data = prediction_pb2.DefaultData(names=["a"], tftensor=tensor)
again = prediction_pb2.DefaultData.FromString(data.SerializeToString())
print(again.tftensor == tensor, again.tftensor.of_another_version)
"""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            self.install(folder, template)
            for code in (ours + theirs + check, theirs + ours + check):
                with self.subTest(first=code.split()[1]):
                    self.assertEqual(run(code, PYTHON, folder), "True 3\n")
            code = f"{ours}print('tensorflow' in sys.modules)"
            self.assertEqual(run(code, PYTHON, folder), f"{is_imported}\n")

    def test_as_protoc_writes_today(self) -> None:
        self.both_orders(NEWER)

    def test_as_protoc_wrote_long_ago(self) -> None:
        self.both_orders(OLDER)

    def test_as_cannot_be_read(self) -> None:
        self.both_orders(OTHER, is_imported=True)

    def test_a_package_that_has_only_the_name(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "tensorflow").mkdir()
            (Path(name) / "tensorflow/__init__.py").touch()
            code = "from seldon_core.proto import prediction_pb2 as messages\n"
            code += "print(messages.DefaultData(tftensor={'int_val': [1]}).tftensor.int_val)"
            self.assertEqual(run(code, PYTHON, Path(name)), "[1]\n")

    def test_without_it_there_are_classes_too(self) -> None:
        code = """
sys.modules["tensorflow"] = None
from seldon_core.proto import prediction_pb2
from seldon_core.proto.tensorflow.core.framework import resource_handle_pb2, tensor_pb2
from seldon_core.proto.tensorflow.core.framework import tensor_shape_pb2, types_pb2
shape = tensor_shape_pb2.TensorShapeProto(dim=[{"size": 2}])
tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_DOUBLE, tensor_shape=shape)
tensor.double_val.extend([1, 2])
resource_handle_pb2.ResourceHandleProto(name="r")
print(prediction_pb2.DefaultData(tftensor=tensor).tftensor == tensor)
"""
        self.assertEqual(run(code, PYTHON), "True\n")


if __name__ == "__main__":
    unittest.main()
