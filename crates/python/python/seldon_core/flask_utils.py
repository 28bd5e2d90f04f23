"""The exception by which a component chooses the status of the response, and Flask's requests."""

from __future__ import annotations

import base64
import json
from typing import Any

from ._lazy import getter, needs

ANNOTATIONS_FILE = "/etc/podinfo/annotations"
ANNOTATION_GRPC_MAX_MSG_SIZE = "seldon.io/grpc-max-message-size"
ANNOTATION_REST_TIMEOUT = "seldon.io/rest-timeout"
DEFAULT_ANNOTATION_REST_TIMEOUT = 5000


class SeldonMicroserviceException(Exception):
    """Ends a request with an HTTP status (400 unless given), a text and a reason."""

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


def get_request(skip_decoding: bool = False) -> Any:
    """The JSON of the request that Flask is working on.

    It is the field `json` of a form or of the query, else the body. A multipart form is a message
    in parts. With `skip_decoding` the text, or the bytes of the body, come back undecoded.
    """
    request = _flask("get_request").request
    if "multipart/form-data" in (request.content_type or ""):
        return get_multi_form_data_request()
    text = request.form.get("json")
    if text is None:
        text = request.args.get("json")
    if text is not None:
        return text if skip_decoding else json.loads(text)
    message = request.get_data() if skip_decoding else request.get_json(silent=True)
    if message is None:
        raise SeldonMicroserviceException(
            "the request has no JSON: it must be the body, or the field json of a form or query"
        )
    return message


def get_multi_form_data_request() -> dict[str, Any]:
    """The message whose parts are the fields and the files of a multipart form."""
    request = _flask("get_multi_form_data_request").request
    message: dict[str, Any] = {}
    for name, text in request.form.items():
        message[name] = text if name == "strData" else json.loads(text)
    for name, file in request.files.items():
        content = file.read()
        message[name] = base64.b64encode(content) if name == "binData" else content.decode("utf-8")
    return message


def jsonify(response: Any, skip_encoding: bool = False) -> Any:
    """Flask's response with this as JSON; with `skip_encoding` it is JSON already."""
    flask = _flask("jsonify")
    if skip_encoding:
        return flask.current_app.response_class(response, mimetype="application/json")
    return flask.jsonify(response)


def _flask(what: str) -> Any:
    try:
        import flask
    except ImportError as error:
        raise needs(f"flask_utils.{what}", "Flask", error) from None
    return flask


__getattr__ = getter(
    globals(),
    {
        "Dict": "typing:Dict",
        "HTTPStatus": "http:HTTPStatus",
        "Union": "typing:Union",
        "BadRequest": "werkzeug.exceptions:BadRequest",
        "current_app": "flask:current_app",
        "flask_jsonify": "flask:jsonify",
        "request": "flask:request",
    },
)
