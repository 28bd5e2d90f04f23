"""A component with pages of its own."""

from __future__ import annotations

from typing import Any

import flask


def start() -> str:
    """Respond where the server has a page."""
    return "the component's own"


own = flask.Blueprint("own", __name__)
own.add_url_rule("/", view_func=start)


class Start:
    """Has a page at the path of the server's."""

    model_error_handler = own

    def predict(self, X: Any, names: Any) -> Any:
        return X
