"""The exception by which a component chooses the status of the response."""

from __future__ import annotations

from typing import Any


class SeldonMicroserviceException(Exception):
    """Ends a request with an HTTP status (400 unless told otherwise), a text and a reason."""

    status_code: int | str = 400

    def __init__(
        self,
        message: str,
        status_code: int | str | None = None,
        payload: Any = None,
        reason: str = "MICROSERVICE_BAD_DATA",
    ) -> None:
        super().__init__(message)
        self.message = message
        if status_code is not None:
            self.status_code = status_code
        self.payload = payload
        self.reason = reason

    def to_dict(self) -> dict[str, Any]:
        """The body of the response."""
        return {
            "status": {"status": 1, "info": self.message, "code": -1, "reason": self.reason},
        }
