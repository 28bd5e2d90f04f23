"""A router that learns from feedback which of its children earns the most."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any, Sequence

if TYPE_CHECKING:
    import numpy.typing as npt


class EpsilonGreedy:
    """Routes to the branch with the best mean reward, and with probability `epsilon` to any.

    `n_branches` children are numbered from 0; `seed` makes the exploration repeatable. What was
    learned lives in this object: serve it with one worker, or every worker learns on its own.
    """

    def __init__(self, n_branches: int = 2, epsilon: float = 0.1, seed: int = 1) -> None:
        if n_branches < 1:
            raise ValueError(f"n_branches must be 1 or more, not {n_branches}")
        if not 0.0 <= epsilon <= 1.0:
            raise ValueError(f"epsilon is a probability from 0 to 1, not {epsilon}")
        self.n_branches = n_branches
        self.epsilon = epsilon
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._tries = [0] * n_branches
        self._rewards = [0.0] * n_branches

    def route(
        self, X: npt.ArrayLike, names: Sequence[str], meta: dict[str, Any] | None = None
    ) -> int:
        """The branch for this request, from 0 to `n_branches` - 1."""
        with self._lock:
            if self._random.random() < self.epsilon:
                return int(self._random.random() * self.n_branches)
            means = self._means()
            return means.index(max(means))

    def send_feedback(
        self,
        X: npt.ArrayLike,
        names: Sequence[str],
        reward: float,
        truth: npt.ArrayLike | None,
        routing: int | None = None,
    ) -> None:
        """Credits `reward` to the branch `routing` that had served the request."""
        if routing is None or not 0 <= routing < self.n_branches:
            raise ValueError(
                "feedback must name the branch that answered in response.meta.routing, "
                f"from 0 to {self.n_branches - 1}; it names {routing}"
            )
        with self._lock:
            self._tries[routing] += 1
            self._rewards[routing] += reward

    def metrics(self) -> list[dict[str, Any]]:
        """A gauge for every branch: the mean reward as known now."""
        with self._lock:
            means = self._means()
        return [
            {
                "type": "GAUGE",
                "key": "router_mean_reward",
                "value": mean,
                "tags": {"branch": str(branch)},
            }
            for branch, mean in enumerate(means)
        ]

    def _means(self) -> list[float]:
        return [total / tries if tries else 0.0 for total, tries in zip(self._rewards, self._tries)]
