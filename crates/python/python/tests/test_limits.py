"""What a request may take as Python's objects."""

from __future__ import annotations

import json
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker import errors, limits, payload, protocol
from streeling_worker.errors import BadData
from streeling_worker.payload import Codec

from tests.support import item, named, needs

MEGABYTE = 1 << 20


def decode(items: list[bytes], numpy: bool = True) -> list[Any]:
    body = bytearray(b"".join(items))
    return [value for value, *_ in Codec(numpy).decode(body, 0, len(body), len(items), {})]


def array(value: Any, layout: int = protocol.LAYOUT_NESTED) -> bytes:
    return item(protocol.LIST, json.dumps(value).encode(), layout=layout)


def tensor(*sides: int, **fields: Any) -> bytes:
    shape = {"dim": [{"size": side} for side in sides]}
    return array({"tensorShape": shape, **fields}, protocol.LAYOUT_TENSOR_PROTO)


class Arrays(unittest.TestCase):
    """No test gets as far as to allocate what it is about."""

    def refused(self, items: list[bytes], text: str, numpy: bool = True) -> None:
        with self.assertRaises(BadData) as raised:
            decode(items, numpy)
        self.assertIn(text, str(raised.exception))

    @needs("numpy")
    def test_one_long_text_beside_many_is_refused_with_its_size(self) -> None:
        long = "x" * MEGABYTE
        size = 2001 * MEGABYTE * 4
        for value, layout in (
            ([[long, *["a"] * 2000]], protocol.LAYOUT_NESTED),
            ([*[["a"]] * 2000, [long]], protocol.LAYOUT_NESTED),
            ([long, *range(2000)], protocol.LAYOUT_NESTED),
            ({"values": [long, *["a"] * 2000], "shape": [2001]}, protocol.LAYOUT_FLAT),
        ):
            self.refused(
                [array(value, layout)],
                f"an array of 2001 elements, the longest of {MEGABYTE} characters, would take "
                f"{size} bytes of memory, {1 << 30} are allowed (--max-decoded-size, "
                "STREELING_MAX_DECODED_SIZE)",
            )

    @needs("numpy")
    def test_numbers_beside_a_text_take_as_much_as_they_do_in_numpy(self) -> None:
        for number in (1, 1.5, True):
            value = decode([array([number, "a"])])[0]
            with self.assertRaises(BadData), mock.patch.object(limits, "allowed", 200_000):
                limits.Budget().array([number] * (200_000 // value.itemsize) + ["a"])

    @needs("numpy")
    def test_what_is_beside_it_counts(self) -> None:
        # Each takes 40 kB on the way, and 400 MB as an array.
        one = array(["x" * 10_000, *[""] * 10_000])
        self.assertEqual(decode([one])[0].nbytes, 10_001 * 40_000)
        self.refused([one, one, one], "bytes of memory with what is beside it")
        inputs = item(protocol.NAMED, named(a=one, b=one, c=one))
        self.refused([inputs], "bytes of memory with what is beside it")

    @needs("numpy")
    def test_objects_and_small_arrays_are_as_before(self) -> None:
        long = "x" * MEGABYTE
        value = decode([array([long, None, *["a"] * 2000])])[0]
        self.assertEqual((value.dtype.kind, value.size), ("O", 2002))
        value = decode([array([[long, "a"], ["b", "c"]])])[0]
        self.assertEqual((value.dtype, value.shape), (f"<U{MEGABYTE}", (2, 2)))
        self.assertEqual(decode([array([long, *["a"] * 2000])], numpy=False)[0][0], long)

    @needs("numpy")
    def test_a_component_cannot_return_such_a_list_either(self) -> None:
        with self.assertRaises(BadData):
            payload.encode_with_numpy([["x" * MEGABYTE, *["a"] * 2000]])
        self.assertEqual(payload.encode_with_numpy([["x", "y"]])[3], b'[["x","y"]]')

    @needs("numpy")
    def test_json_of_many_objects_is_refused(self) -> None:
        for element in ("{}", "[]", '{"":0}', '"ab"', "1.5", '[{"a":"b"}]'):
            text = f"[{','.join([element] * (MEGABYTE // len(element)))}]".encode()
            for kind in (protocol.LIST, protocol.JSON, protocol.MESSAGE):
                with mock.patch.object(limits, "allowed", 4 * MEGABYTE):
                    self.refused([item(kind, text, layout=1)] * 2, f"JSON of {len(text)} bytes")
        names = item(protocol.TEXT, b"x", names=b"[" + b"{}," * MEGABYTE + b"{}]")
        with mock.patch.object(limits, "allowed", 4 * MEGABYTE):
            self.refused([names, names], "JSON of")

    def test_the_size_of_json_is_at_least_what_it_takes_and_not_much_more(self) -> None:
        values: list[Any] = [
            [{}] * 1000,
            [[]] * 1000,
            [{"": n / 3} for n in range(1000)],
            [f"text {n}" for n in range(1000)],
            [n / 3 for n in range(1000)],
            [{f"key{k}": f'value {n} \\ " of {k}' for k in range(12)} for n in range(100)],
            [{"a": [n, None, True], "b": {"c": "{[:,]}" * 9}} for n in range(500)],
        ]
        for value in values:
            text = json.dumps(value).encode()
            taken = size(json.loads(text))
            found = limits._size_of_json(text)
            self.assertGreaterEqual(found, 0.9 * taken, text[:60])
            self.assertLess(found, 4 * taken + len(text), text[:60])

    def test_no_json_is_denser_than_the_densest(self) -> None:
        for text in (b"{}", b"[]", b'{"":0}', b"[{}]", b'{"":[]}', b'""', b"1"):
            whole = b"[" + (text + b",") * 1000 + text + b"]"
            self.assertLess(limits._size_of_json(whole), len(whole) * limits._DENSEST)

    @needs("numpy")
    def test_what_tensors_stand_for_is_bounded_over_a_request(self) -> None:
        one = tensor(1 << 20, dtype="DT_STRING")
        self.assertEqual(len(decode([one, one], numpy=False)[1]), 1 << 20)
        self.refused([one, one, one], "may leave out", numpy=False)
        self.refused([tensor(1 << 30, dtype="DT_HALF", halfVal=[1])], "a tftensor of shape")


def size(value: Any) -> int:
    """The memory of what `json.loads` has made."""
    own = sys.getsizeof(value)
    if isinstance(value, dict):
        return own + sum(map(size, value.values()))
    if isinstance(value, list):
        return own + sum(map(size, value))
    return 0 if value in (None, True, False) else own


class Texts(unittest.TestCase):
    def test_half_of_a_surrogate_pair_is_escaped(self) -> None:
        for error in (ValueError("a\ud800b"), Custom("a\ud800b")):
            body = errors.describe(error)
            self.assertEqual(body["info"], "a\\ud800b")
            self.assertIn("a\\ud800b", str(body["traceback"] or body["info"]))
            json.dumps(body, ensure_ascii=False).encode()
        self.assertEqual(errors.describe(Custom("x"))["reason"], "R\\udfff")

    def test_a_long_text_is_cut_and_says_how_much(self) -> None:
        body = errors.describe(ValueError("x" * 50_000_000))
        cut = 50_000_000 - errors.LONGEST
        self.assertEqual(body["info"], "x" * errors.LONGEST + f"… ({cut} characters more)")
        trace = str(body["traceback"])
        self.assertLess(len(trace), errors.LONGEST_TRACE + 100)
        self.assertIn("characters more)", trace)

    def test_the_middle_of_a_long_traceback_is_left_out(self) -> None:
        error: BaseException = ValueError("first")
        for number in range(50):
            later = ValueError(f"{number} " + "x" * 20_000)
            later.__cause__ = error
            error = later
        trace = errors.trace(error)
        self.assertLess(len(trace), errors.LONGEST_TRACE + 100)
        self.assertIn("characters left out)", trace)
        self.assertIn("first", trace)
        self.assertTrue(trace.endswith("x\n"))

    def test_a_body_that_is_too_long_is_ignored(self) -> None:
        for length, expected in ((10, True), (2 << 20, False)):
            error = Own("x" * length)
            with self.assertLogs("streeling") if not expected else mock.MagicMock():
                body = errors.describe(error, payload.to_json)["body"]
            self.assertEqual(body is not None, expected)


class SeldonMicroserviceException(Exception):
    status_code = 400

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = "R\udfff"

    def to_dict(self) -> Any:
        return {}


class Custom(SeldonMicroserviceException):
    pass


class Own(SeldonMicroserviceException):
    def to_dict(self) -> Any:
        return {"text": self.message}


if __name__ == "__main__":
    unittest.main()
