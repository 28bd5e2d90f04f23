"""Components that read more of a request than its message."""

from __future__ import annotations

from typing import Any


class Headers:
    """Returns what it finds in the headers."""

    def predict(self, X: Any, names: Any) -> Any:
        from streeling import request_headers

        headers = request_headers()
        found = [headers.get("X-Tenant"), headers.get_all("x-twice"), headers.get("missing")]
        return {"found": found, "agent": "User-Agent" in headers}


class Flask:
    """Returns the sum of the array, the length of the body, and a header."""

    def predict(self, X: Any, names: Any) -> Any:
        from flask import request

        return {
            "sum": float(X.sum()),
            "length": len(request.get_data()),
            "tenant": request.headers["X-Tenant"],
        }


class Outside:
    """Has error handlers that Flask does not know."""

    model_error_handler = object()

    def predict(self, X: Any, names: Any) -> Any:
        return X
