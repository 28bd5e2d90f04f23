"""Error handlers, hooks and pages of the component's own, in a blueprint of Flask."""

from typing import Any

import flask
from flask import g, jsonify, request

handlers = flask.Blueprint("error_handlers", __name__)


class Refused(Exception):
    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.message = message
        self.status_code = status_code


class Teapot(Exception):
    pass


@handlers.app_errorhandler(Refused)
def on_refused(error: Refused) -> Any:
    response = jsonify(app_code=17, message=error.message, path=request.path)
    response.status_code = error.status_code
    return response


@handlers.app_errorhandler(Exception)
def on_any(error: Exception) -> Any:
    return "any", 499


@handlers.app_errorhandler(404)
def on_missing(error: Exception) -> Any:
    return jsonify(lost=request.path), 404


@handlers.errorhandler(Teapot)
def on_teapot(error: Teapot) -> Any:
    return "short and stout", 418


@handlers.before_app_request
def before() -> Any:
    g.seen = request.headers.get("X-Seen")
    return ("denied", 403) if "X-Deny" in request.headers else None


@handlers.route("/mine/<int:number>", methods=["GET", "POST"])
def mine(number: int) -> Any:
    return jsonify(
        number=number, method=request.method, args=request.args, json=request.get_json(silent=True)
    )


@handlers.route("/fails/<how>")
def fails(how: str) -> Any:
    if how == "teapot":
        raise Teapot
    if how == "refused":
        raise Refused("in a page", 409)
    raise KeyError(how)


@handlers.route("/moved")
def moved() -> Any:
    return flask.redirect("/mine/1")


@handlers.route("/text")
def text() -> Any:
    return "plain text"


@handlers.route("/route", methods=["POST"])
def instead() -> Any:
    return "in place of the server's"


class ErrorHandlers:
    """Raises what the request says."""

    model_error_handler = handlers

    def predict(self, X: Any, names: Any) -> Any:
        if X == "refused":
            raise Refused("not today", 402)
        if X == "teapot":
            raise Teapot("in predict")
        if X == "value-error":
            raise ValueError("bad value")
        return {"seen": g.seen}

    transform_input = predict

    def health_status(self) -> Any:
        raise Refused("ill", 503)
