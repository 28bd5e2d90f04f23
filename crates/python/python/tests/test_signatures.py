"""Which methods of a component are given `meta`."""

from __future__ import annotations

import functools
import sys
import unittest
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streeling_worker.signatures import with_meta

Method = Callable[..., Any]


def called(method: Method) -> Any:
    return with_meta(method)("X", "names", "meta")


def wrapped(function: Method) -> Method:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def hidden(function: Method) -> Method:
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


class Component:
    calls = 0

    def takes(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X, names, meta

    def not_taking(self, X: Any, names: Any) -> Any:
        return X, names

    def meta_second(self, X: Any, meta: Any) -> Any:
        return X, meta

    def meta_before_names(self, X: Any, meta: Any = None, names: Any = None) -> Any:
        return X, meta, names

    def by_keyword(self, X: Any, names: Any, *, meta: Any) -> Any:
        return X, names, meta

    def any_keyword(self, X: Any, names: Any, **kwargs: Any) -> Any:
        return X, names, kwargs

    def positions(self, *args: Any) -> Any:
        return args

    def _partial(self, key: str, X: Any, names: Any, meta: Any = None) -> Any:
        return key, X, names, meta

    partial = functools.partialmethod(_partial, "key")

    @staticmethod
    def static(X: Any, names: Any, meta: Any = None) -> Any:
        return X, names, meta

    @classmethod
    def of_class(cls, X: Any, names: Any, **kwargs: Any) -> Any:
        return X, names, kwargs

    @wrapped
    def wrapped_taking(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X, names, meta

    @wrapped
    @wrapped
    def wrapped_twice(self, X: Any, names: Any) -> Any:
        return X, names

    @wrapped
    def wrapped_meta_second(self, X: Any, meta: Any) -> Any:
        return X, meta

    @hidden
    def hidden_taking(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X, names, meta

    @wrapped
    @hidden
    def hidden_within(self, X: Any, names: Any) -> Any:
        return X, names

    @hidden
    def hidden_meta_second(self, X: Any, meta: Any) -> Any:
        return X, meta

    def __call__(self, X: Any, names: Any, meta: Any = None) -> Any:
        return X, names, meta


class WithMeta(unittest.TestCase):
    def test_it_is_passed_to_what_takes_it(self) -> None:
        own = Component()
        for method in (
            own.takes,
            own.by_keyword,
            own.static,
            own.wrapped_taking,
            own.hidden_taking,
            own,
        ):
            with self.subTest(method):
                self.assertEqual(called(method), ("X", "names", "meta"))
        for method in (own.any_keyword, own.of_class):
            self.assertEqual(called(method), ("X", "names", {"meta": "meta"}))
        self.assertEqual(called(own.partial), ("key", "X", "names", "meta"))

    def test_others_get_two_arguments(self) -> None:
        own = Component()
        for method in (
            own.not_taking,
            own.meta_second,
            own.positions,
            own.wrapped_twice,
            own.wrapped_meta_second,
            own.hidden_within,
            own.hidden_meta_second,
            lambda value, rest: (value, rest),
        ):
            with self.subTest(method):
                self.assertEqual(called(method), ("X", "names"))
        self.assertEqual(called(own.meta_before_names), ("X", "names", None))

    def test_meta_that_has_a_place_only(self) -> None:
        space: dict[str, Any] = {}
        exec("def predict(X, names, meta=None, /): return X, names, meta", space)
        self.assertEqual(called(space["predict"]), ("X", "names", None))

    def test_what_hides_its_signature_is_tried_once(self) -> None:
        seen = []

        def observed(function: Method) -> Method:
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                seen.append(sorted(kwargs))
                return function(*args, **kwargs)

            return wrapper

        call = with_meta(observed(lambda X, names: (X, names)))
        for _ in range(3):
            self.assertEqual(call("X", "names", "meta"), ("X", "names"))
        self.assertEqual(seen, [["meta"], [], [], []])

    def test_other_type_errors_are_the_components_own(self) -> None:
        calls = []

        def predict(X: Any, **kwargs: Any) -> Any:
            calls.append(kwargs)
            raise TypeError("inside")

        for _ in range(2):
            with self.assertRaisesRegex(TypeError, "inside"):
                with_meta(lambda *args, **kwargs: predict(args, **kwargs))("X", "names", "meta")
        self.assertEqual(calls, [{"meta": "meta"}] * 2)

    def test_a_builtin_without_a_signature(self) -> None:
        self.assertEqual(with_meta(dict.get)({"a": 1}, "a", "meta"), 1)
        self.assertEqual(with_meta(max)(1, 2, "meta"), 2)


if __name__ == "__main__":
    unittest.main()
