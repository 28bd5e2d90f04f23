"""The example components by themselves, without a server: `python examples/test_examples.py`."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
FOLDERS = ("iris", "mean_classifier", "router", "transformer", "combiner", "outlier_detector")
sys.path[:0] = [str(HERE / folder) for folder in FOLDERS]

# Found only now that their folders are on the path.
from EpsilonGreedy import EpsilonGreedy  # noqa: E402
from InchTransformer import InchTransformer  # noqa: E402
from Iris import Iris  # noqa: E402
from Mahalanobis import Mahalanobis  # noqa: E402
from MeanClassifier import MeanClassifier  # noqa: E402
from MeanCombiner import MeanCombiner  # noqa: E402


def body(*path: str) -> Any:
    """A committed JSON file."""
    return json.loads(HERE.joinpath(*path).read_text(encoding="utf-8"))


def rows(message: dict[str, Any]) -> Any:
    """The array of a message, as the server builds it."""
    data = message["data"]
    if "tensor" in data:
        return np.array(data["tensor"]["values"]).reshape(data["tensor"]["shape"])
    return np.array(data["ndarray"])


class IrisTest(unittest.TestCase):
    """The classifier on rows that its training never saw."""

    def setUp(self) -> None:
        self.iris = Iris()
        self.iris.load()

    def test_recognises_the_rows_of_every_request_file(self) -> None:
        truth = body("iris", "requests", "truth.json")
        files = {path.name for path in (HERE / "iris" / "requests").glob("*.json")}
        self.assertEqual(files - {"truth.json"}, set(truth))
        for name, species in truth.items():
            with self.subTest(name):
                result = self.iris.predict(rows(body("iris", "requests", name)), [])
                best = [self.iris.class_names()[column] for column in result.argmax(axis=1)]
                right = sum(found == true for found, true in zip(best, species))
                self.assertEqual(len(best), len(species))
                self.assertGreaterEqual(right / len(species), 0.9)

    def test_folded_scaler_equals_the_two_steps(self) -> None:
        learned = body("iris", "iris.json")
        X = rows(body("iris", "requests", "held_out.json"))
        scaled = (X - np.array(learned["scaler"]["mean"])) / np.array(learned["scaler"]["scale"])
        logits = scaled @ np.array(learned["coefficients"]).T + np.array(learned["intercept"])
        expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(self.iris.predict(X, []), expected, rtol=1e-9)

    def test_far_outlier_still_gives_probabilities(self) -> None:
        result = self.iris.predict([[1e6, -1e6, 1e6, 1e6]], [])
        self.assertTrue(np.isfinite(result).all())
        self.assertAlmostEqual(float(result.sum()), 1.0)

    def test_wrong_shapes_name_what_was_expected(self) -> None:
        for bad in ([[1.0, 2.0, 3.0]], [1.0, 2.0, 3.0, 4.0], []):
            with self.subTest(bad), self.assertRaisesRegex(ValueError, r"4 numbers .*\(n, 4\)"):
                self.iris.predict(bad, [])

    def test_predict_before_load_is_refused(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "before load"):
            Iris().predict([[5.1, 3.4, 1.5, 0.2]], [])

    def test_path_is_the_file_that_is_read(self) -> None:
        learned = body("iris", "iris.json")
        learned["classes"] = ["x", "y", "z"]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "other.json"
            path.write_text(json.dumps(learned), encoding="utf-8")
            iris = Iris(str(path))
            iris.load()
        self.assertEqual(iris.class_names(), ["x", "y", "z"])

    def test_metadata_speaks_of_the_model_even_before_load(self) -> None:
        metadata = Iris().init_metadata()
        self.assertEqual(metadata["inputs"][0]["schema"]["shape"], [4])
        self.assertEqual(metadata["outputs"][0]["schema"]["names"], self.iris.class_names())


class MeanClassifierTest(unittest.TestCase):
    """Parameters and limits of the mean."""

    def test_mean_at_the_threshold_is_a_half(self) -> None:
        result = MeanClassifier(threshold=2.0).predict([[1, 2, 3]], [])
        np.testing.assert_allclose(result, [[0.5]])

    def test_larger_mean_is_likelier_and_never_overflows(self) -> None:
        result = MeanClassifier().predict([[-1e9], [0.2], [1e9]], [])
        np.testing.assert_allclose(result, [[0.0], [0.549833997312478], [1.0]])

    def test_int_value_leaves_leading_columns_out(self) -> None:
        result = MeanClassifier(intValue=1).predict([[1e9, 0.0]], [])
        np.testing.assert_allclose(result, [[0.5]])
        with self.assertRaisesRegex(ValueError, "at least 2 numbers"):
            MeanClassifier(intValue=1).predict([[1e9]], [])
        with self.assertRaisesRegex(ValueError, "not -1"):
            MeanClassifier(intValue=-1)


class EpsilonGreedyTest(unittest.TestCase):
    """What the router learns."""

    def test_follows_the_reward(self) -> None:
        router = EpsilonGreedy(n_branches=3, epsilon=0.0)
        self.assertEqual(router.route([[0]], []), 0)
        router.send_feedback([[0]], [], 1.0, None, routing=2)
        self.assertEqual(router.route([[0]], []), 2)
        router.send_feedback([[0]], [], 0.0, None, routing=2)
        self.assertEqual([m["value"] for m in router.metrics()], [0.0, 0.0, 0.5])

    def test_explores_the_same_way_with_the_same_seed(self) -> None:
        def walk(seed: int) -> list[int]:
            router = EpsilonGreedy(n_branches=4, epsilon=1.0, seed=seed)
            return [router.route([[0]], []) for _ in range(50)]

        self.assertEqual(walk(1), walk(1))
        self.assertNotEqual(walk(1), walk(2))
        self.assertEqual(set(walk(1)), {0, 1, 2, 3})

    def test_feedback_without_a_known_branch_is_refused(self) -> None:
        for routing in (None, -1, 2):
            with self.subTest(routing), self.assertRaisesRegex(ValueError, "from 0 to 1"):
                EpsilonGreedy().send_feedback([[0]], [], 1.0, None, routing=routing)

    def test_parameters_out_of_range_are_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "n_branches"):
            EpsilonGreedy(n_branches=0)
        with self.assertRaisesRegex(ValueError, "epsilon"):
            EpsilonGreedy(epsilon=1.5)


class InchTransformerTest(unittest.TestCase):
    """Both directions."""

    def test_scales_what_goes_in(self) -> None:
        transformer = InchTransformer()
        X = rows(body("transformer", "request.json"))
        np.testing.assert_allclose(transformer.transform_input(X, []), [[5.08, 3.81, 1.27, 0.254]])
        self.assertEqual(len(transformer.feature_names()), X.shape[1])

    def test_writes_what_comes_out_in_per_cent(self) -> None:
        X = rows(body("transformer", "answer.json"))
        np.testing.assert_allclose(InchTransformer().transform_output(X, []), [[97.6, 2.3, 0.0]])

    def test_factor_must_be_positive(self) -> None:
        for factor in (0.0, -1.0, float("nan")):
            with self.subTest(factor), self.assertRaisesRegex(ValueError, "above 0"):
                InchTransformer(factor)


class MeanCombinerTest(unittest.TestCase):
    """The mean of several arrays."""

    def test_mean_of_the_request(self) -> None:
        arrays = [rows(message) for message in body("combiner", "request.json")["seldonMessages"]]
        result = MeanCombiner().aggregate(arrays, [[], []])
        np.testing.assert_allclose(result, [[0.8, 0.15, 0.05]])

    def test_nothing_and_unequal_shapes_are_refused(self) -> None:
        with self.assertRaisesRegex(ValueError, "at least one"):
            MeanCombiner().aggregate([], [])
        with self.assertRaisesRegex(ValueError, "one shape"):
            MeanCombiner().aggregate([[1.0], [1.0, 2.0]], [[], []])


class MahalanobisTest(unittest.TestCase):
    """Tags of the outlier detector."""

    def setUp(self) -> None:
        self.detector = Mahalanobis()
        self.detector.load()

    def test_tags_the_row_that_lies_far_out(self) -> None:
        X = rows(body("outlier_detector", "request.json"))
        np.testing.assert_array_equal(self.detector.transform_input(X, []), X)
        tags = self.detector.tags()
        self.assertEqual(tags["outlier"], [False, True])
        json.dumps(tags)

    def test_finds_no_outlier_among_the_held_out_rows(self) -> None:
        self.detector.transform_input(rows(body("iris", "requests", "held_out.json")), [])
        self.assertEqual(sum(self.detector.tags()["outlier"]), 0)

    def test_threshold_is_a_distance(self) -> None:
        strict = Mahalanobis(threshold=0.1)
        strict.load()
        strict.transform_input([[5.1, 3.4, 1.5, 0.2]], [])
        self.assertEqual(strict.tags()["outlier"], [True])
        with self.assertRaisesRegex(ValueError, "above 0"):
            Mahalanobis(threshold=0.0)

    def test_failed_request_leaves_no_tags_of_the_one_before(self) -> None:
        self.detector.transform_input([[5.1, 3.4, 1.5, 0.2]], [])
        with self.assertRaisesRegex(ValueError, r"\(n, 4\)"):
            self.detector.transform_input([[1.0]], [])
        self.assertEqual(self.detector.tags(), {})

    def test_tags_belong_to_the_thread_of_the_request(self) -> None:
        self.detector.transform_input([[5.1, 3.4, 1.5, 0.2]], [])
        others: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: others.append(self.detector.tags()))
        thread.start()
        thread.join()
        self.assertEqual(others, [{}])


if __name__ == "__main__":
    unittest.main()
