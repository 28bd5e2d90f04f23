"""Tensors of TensorFlow that are not of numbers: strings, complex numbers, other dtypes."""

from __future__ import annotations

import json
import sys
import types
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import protocol, tensorproto
from streeling_worker.errors import BadData
from streeling_worker.payload import Codec

from tests.support import item, needs


def shape(*sides: int) -> dict[str, Any]:
    return {"dim": [{"size": str(side)} for side in sides]}


def read(message: dict[str, Any], numpy: bool = True) -> Any:
    text = json.dumps(message).encode()
    body = bytearray(item(protocol.LIST, text, layout=protocol.LAYOUT_TENSOR_PROTO))
    ((value, _, _, _),) = Codec(numpy).decode(body, 0, len(body), 1, {})
    return value


STRINGS = {"dtype": "DT_STRING", "tensorShape": shape(1, 2), "stringVal": ["/2E=", "\n YWI= "]}


class Elements(unittest.TestCase):
    @needs("numpy")
    def test_strings_are_bytes(self) -> None:
        array = read(STRINGS)
        self.assertEqual((array.dtype.kind, array.tolist()), ("O", [[b"\xffa", b"ab"]]))

    def test_without_numpy_they_are_lists(self) -> None:
        self.assertEqual(read(STRINGS, False), [[b"\xffa", b"ab"]])
        self.assertEqual(read({"dtype": 7, "string_val": ["YQ=="]}, False), b"a")

    def test_the_last_one_is_repeated(self) -> None:
        message = {"dtype": 7, "tensor_shape": shape(3), "stringVal": ["YQ==", "Yg=="]}
        self.assertEqual(tensorproto.parts(message), ([b"a", b"b", b"b"], (3,), "object"))
        message = {"dtype": 7, "tensorShape": shape(2)}
        self.assertEqual(tensorproto.parts(message), (["", ""], (2,), "object"))
        message = {"dtype": 18, "tensorShape": shape(2), "dcomplexVal": [0, "1.5", 9]}
        self.assertEqual(tensorproto.parts(message), ([1.5j, 1.5j], (2,), "complex128"))

    def test_what_is_repeated_is_bounded(self) -> None:
        message = {"dtype": 7, "tensorShape": shape(1 << 40)}
        with self.assertRaisesRegex(BadData, "0 elements for the shape"):
            tensorproto.parts(message)

    def test_parts_that_do_not_belong_together(self) -> None:
        for message in (
            {**STRINGS, "tensorShape": shape(1)},
            {"dtype": 8, "tensorShape": shape(-1), "scomplexVal": [1, 2]},
            {"dtype": 8, "tensorShape": shape(2), "tensorContent": "AAAAAAAAAAA="},
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, "cannot reshape"):
                tensorproto.parts(message)
        with self.assertRaisesRegex(BadData, "malformed base64"):
            tensorproto.parts({"dtype": 7, "stringVal": ["-_-_"]})

    @needs("numpy")
    def test_complex_numbers_there_and_back(self) -> None:
        import numpy as np

        for dtype in ("complex64", "complex128"):
            for values in ([[1, 0.1j]], [complex("nan"), complex("-infj")], 2.5j, np.zeros((0, 2))):
                array = np.array(values, dtype)
                with self.subTest(repr(array)):
                    message = tensorproto.of_complex(array)
                    found = read(message)
                    self.assertEqual((found.dtype, found.shape), (array.dtype, array.shape))
                    np.testing.assert_array_equal(found, array)
        one = tensorproto.of_complex(np.array(0.1 + 2j, "complex64"))
        expected = {"dtype": "DT_COMPLEX64", "tensorShape": {}, "scomplexVal": [0.1, 2.0]}
        self.assertEqual(one, expected)


class Others(unittest.TestCase):
    @needs("numpy")
    def test_the_package_that_is_missing_is_named(self) -> None:
        with mock.patch.dict(sys.modules, {"tensorflow": None}):
            with self.assertRaisesRegex(BadData, "DT_BFLOAT16.*the package tensorflow"):
                read({"dtype": "DT_BFLOAT16", "halfVal": [1]})
            with self.assertRaisesRegex(BadData, "without a dtype"):
                read({"tensorShape": {}})

    @needs("google.protobuf")
    def test_tensorflow_reads_what_is_of_another_dtype(self) -> None:
        from google.protobuf.struct_pb2 import Struct

        # Stands for the class of TensorFlow, which not every environment has.
        core = types.ModuleType("tensorflow.core.framework.tensor_pb2")
        core.TensorProto = Struct  # type: ignore[attr-defined]
        made = types.ModuleType("tensorflow")
        made.make_ndarray = dict  # type: ignore[attr-defined]
        names = {"tensorflow": made, core.__name__: core}
        for parent in ("tensorflow.core", "tensorflow.core.framework"):
            names[parent] = types.ModuleType(parent)
        with mock.patch.dict(sys.modules, names):
            self.assertEqual(read({"dtype": "DT_BFLOAT16"}), {"dtype": "DT_BFLOAT16"})


if __name__ == "__main__":
    unittest.main()
