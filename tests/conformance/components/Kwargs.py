"""Methods that take whatever keywords the server sends."""

from typing import Any


class Kwargs:
    """Reports the names of the keywords of each call."""

    def predict(self, X: Any, names: Any, **kwargs: Any) -> Any:
        return {key: repr(value) for key, value in kwargs.items()}

    def transform_input(self, X: Any, names: Any, **kwargs: Any) -> Any:
        return self.predict(X, names, **kwargs)

    def transform_output(self, X: Any, names: Any, **kwargs: Any) -> Any:
        return self.predict(X, names, **kwargs)

    def route(self, X: Any, names: Any, **kwargs: Any) -> Any:
        raise ValueError(repr(sorted(kwargs.items())))

    def aggregate(self, X: Any, names: Any, **kwargs: Any) -> Any:
        return self.predict(X, names, **kwargs)

    def send_feedback(self, X: Any, names: Any, reward: Any, truth: Any, **kwargs: Any) -> Any:
        return self.predict(X, names, **kwargs)
