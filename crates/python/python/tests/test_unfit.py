"""What a component returns or raises that fits no frame: an error, and never the worker's end."""

from __future__ import annotations

import unittest
from typing import Any

from streeling_worker import errors, loader

from tests.support import TEXT, Calls, Server, needs


class SeldonMicroserviceException(Exception):
    """Named as the real one, which is how it is known."""


class Raises(SeldonMicroserviceException):
    @property
    def status_code(self) -> int:
        raise ZeroDivisionError


class Ends(Exception):
    def __str__(self) -> str:
        raise SystemExit("ends")


def no_number(text: str) -> SeldonMicroserviceException:
    error = SeldonMicroserviceException("boom")
    error.status_code = text  # type: ignore[attr-defined]
    return error


class Unfit(unittest.TestCase):
    def served(self, call: Any) -> dict[str, Any]:
        """The error of a call, behind which the worker goes on."""
        results = [call, lambda X: "next"]
        with Server(Calls(lambda X: results.pop(0)(X))) as server:
            error: dict[str, Any] = server.call(TEXT).error
            self.assertEqual(server.call(TEXT).body, b"next")
        return error

    @needs("numpy")
    def test_an_array_whose_shape_is_none(self) -> None:
        import numpy as np

        shapes: list[Any] = []
        odd: Any = type("Odd", (np.ndarray,), {"shape": property(lambda self: shapes[-1])})
        for shape in [("x",), (1,) * 300, (2**63,), (-(2**80),)]:
            shapes.append(shape)
            error = self.served(lambda X: np.zeros(3).view(odd))
            self.assertEqual(error["kind"], "bad_data")
            self.assertIn("255 dimensions", error["info"])

    def test_exceptions_that_cannot_be_described(self) -> None:
        def raises(error: BaseException) -> Any:
            def call(X: Any) -> Any:
                raise error

            return call

        for text in ["\u00b2", "9" * 5000]:
            error = self.served(raises(no_number(text)))
            self.assertEqual((error["info"], error["kind"]), ("boom", "component"))
        for odd, info in [
            (Raises("boom"), "Raises (its description raised ZeroDivisionError)"),
            (Ends(), "Ends (its description raised SystemExit)"),
        ]:
            error = self.served(raises(odd))
            self.assertEqual((error["info"], error["kind"]), (info, "component"))

    def test_the_text_of_a_failed_load_fits_a_frame(self) -> None:
        error = loader.LoadError("load", ValueError("\U0001f600" * 20_000_000))
        for text in (error.body["message"], error.body["traceback"]):
            self.assertLess(len(text or ""), errors.LONGEST_TRACE + 100)
            self.assertIn("characters more", (text or "")[-40:])


if __name__ == "__main__":
    unittest.main()
