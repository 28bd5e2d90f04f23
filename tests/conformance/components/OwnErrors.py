"""Exceptions that write the body of their response, chosen by the text of the request."""

from typing import Any, Dict

from seldon_core.flask_utils import SeldonMicroserviceException


class Own(SeldonMicroserviceException):
    status_code = 409

    def to_dict(self) -> Dict[str, Any]:
        return {"app_code": 17, "message": self.message, "of": ["a", None, 1.5]}


class Below(Own):
    """Inherits it."""


class Extended(SeldonMicroserviceException):
    def to_dict(self) -> Dict[str, Any]:
        body = super().to_dict()
        body["payload"] = self.payload
        return body


class Standard(SeldonMicroserviceException):
    """Has the standard body, under another status."""

    status_code = 411


class OwnErrors:
    """Refuses everything."""

    def predict(self, X: Any, names: Any) -> Any:
        if X == "below":
            raise Below("inherited", 423)
        if X == "extended":
            raise Extended("more", payload={"b": 1})
        if X == "standard":
            raise Standard("as ever")
        raise Own(str(X))

    transform_input = route = predict

    def tags(self) -> Dict[str, Any]:
        raise Own("from tags")

    def health_status(self) -> Any:
        raise Own("ill")
