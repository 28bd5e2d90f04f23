"""Flask around a component, and the headers of requests without it."""

from __future__ import annotations

import json
import struct
import sys
import types
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import streeling
from streeling_worker import access, web

from tests import support
from tests.support import TEXT, Response, Server, item, needs, original

FOLDER = str(Path(__file__).parent)
PAGE = 9
VECTORS = {vector["name"]: bytes.fromhex(vector["frame"]) for vector in support.VECTORS}


class Teapot(Exception):
    pass


def page(response: Response) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a response that the component has written itself."""
    assert response.kind == 12, response.error
    return page_of(response.body)


def page_of(item: bytes) -> tuple[int, dict[str, str], bytes]:
    """The same of an item's body."""
    (length,) = struct.unpack_from("<I", item)
    head = json.loads(item[4 : 4 + length])
    return head["status"], dict(head["headers"]), item[4 + length :]


def blueprint() -> Any:
    import flask

    handlers = flask.Blueprint("handlers", __name__)

    def on_teapot(error: Teapot) -> Any:
        return flask.jsonify(short=str(error), of=flask.request.path), 418, {"X-Own": "yes"}

    def on_any(error: Exception) -> Any:
        return "any", 499

    def on_missing(error: Exception) -> Any:
        if "lost" in flask.request.path:
            return "lost", 404
        raise error

    def mine(number: int) -> Any:
        return {"number": number, "body": flask.request.get_data(as_text=True)}

    def fails() -> Any:
        raise Teapot("in a page")

    def fails_else() -> Any:
        raise KeyError("in a page")

    def before() -> Any:
        return ("denied", 403) if "X-Deny" in flask.request.headers else None

    for error, handler in ((Teapot, on_teapot), (Exception, on_any), (404, on_missing)):
        handlers.app_errorhandler(error)(handler)
    handlers.add_url_rule("/mine/<int:number>", "mine", mine, methods=["GET", "POST"])
    handlers.add_url_rule("/fails", "fails", fails)
    handlers.add_url_rule("/fails/else", "fails_else", fails_else)
    handlers.before_app_request(before)
    return handlers


class Handled:
    def __init__(self) -> None:
        self.model_error_handler = blueprint()

    def predict(self, X: Any, names: Any) -> Any:
        if X == "teapot":
            raise Teapot("in predict")
        if X == "key":
            raise KeyError("in predict")
        return X


@needs("flask")
class WithFlask(unittest.TestCase):
    def test_what_a_request_holds(self) -> None:
        import flask

        class Reads:
            def predict(self, X: Any, names: Any) -> Any:
                request = flask.request
                return {
                    "method": request.method,
                    "path": request.path,
                    "args": request.args.to_dict(flat=False),
                    "tenant": request.headers.get("X-Tenant"),
                    "twice": request.headers.get("x-twice"),
                    "json": request.get_json(),
                    "host": request.host,
                    "from": request.remote_addr,
                }

            def health_status(self) -> Any:
                return flask.request.path

            def aggregate(self, values: Any, names: Any) -> Any:
                return [len(values), flask.request.path]

            def predict_raw(self, message: Any) -> Any:
                return {"path": flask.request.path}

        headers = [
            ("host", "example.org:8000"),
            ("x-tenant", "t\u00e9"),
            ("x-twice", "a"),
            ("x-twice", "b"),
            ("content-type", "application/json"),
            ("content-length", "7"),
        ]
        came = original("/pr%C3%A9dict?a=1&a=%202", "POST", headers, b'{"a":1}')
        # This module's own code names Flask.
        with Server(Reads(), folder=FOLDER) as server:
            self.assertEqual(server.ready, {"request": "whole", "pages": None})
            found = server.call(TEXT + came, items=2).json
            expected = {
                "method": "POST",
                "path": "/pr\u00e9dict",
                "args": {"a": ["1", " 2"]},
                "tenant": "t\u00e9",
                "twice": "a,b",
                "json": {"a": 1},
                "host": "example.org:8000",
                "from": "127.0.0.1",
            }
            self.assertEqual(found, expected)
            health = server.call(original("/health/status", "GET"), method=7, items=1)
            self.assertEqual(health.body, b"/health/status")
            for count in (0, 1, 2):
                several = TEXT * count + original("/aggregate")
                response = server.call(several, method=5, items=count + 1)
                self.assertEqual(json.loads(response.body), [count, "/aggregate"])
            raw = server.call(item(6, b"{}") + original(), items=2)
            self.assertEqual(raw.json, {"path": "/predict"})

    def test_there_is_no_request_over_grpc(self) -> None:
        import flask

        class Reads:
            def predict(self, X: Any, names: Any) -> Any:
                return str(flask.has_request_context())

        with Server(Reads(), folder=FOLDER) as server:
            for transport, expected in (("grpc", b"False"), ("rest", b"True"), ("grpc", b"False")):
                response = server.call(TEXT + original(transport=transport), items=2)
                self.assertEqual(response.body, expected)

    def test_handlers_respond_for_the_exceptions_that_they_are_for(self) -> None:
        with Server(Handled(), folder=FOLDER) as server:
            self.assertEqual(server.ready["request"], "whole")
            self.assertEqual(server.call(TEXT + original(), items=2).body, b"x")
            response = server.call(item(3, b"teapot") + original("/predict?x=1"), items=2)
            status, headers, body = page(response)
            self.assertEqual((status, headers["X-Own"]), (418, "yes"))
            self.assertEqual(json.loads(body), {"short": "in predict", "of": "/predict"})
            # The server's own handler comes before one for any exception.
            error = server.call(item(3, b"key") + original(), items=2).error
            self.assertEqual((error["info"], error["kind"]), ("'in predict'", "component"))
            denied = server.call(TEXT + original(headers=[("x-deny", "1")]), items=2)
            self.assertEqual(page(denied)[::2], (403, b"denied"))
            # Over gRPC there is nothing for a handler to write.
            over_grpc = server.call(item(3, b"teapot") + original(transport="grpc"), items=2)
            self.assertEqual(over_grpc.error["info"], "in predict")

    def test_pages(self) -> None:
        def get(target: str, verb: str = "GET", **other: Any) -> Response:
            return server.call(original(target, verb, **other), method=PAGE)

        with Server(Handled(), folder=FOLDER) as server:
            self.assertIn(("GET", "/fails"), server.ready["pages"])
            self.assertNotIn("/mine", str(server.ready["pages"]))
            status, headers, body = page(get("/mine/5", "POST", body=b"text"))
            self.assertEqual((status, headers["Content-Type"]), (200, "application/json"))
            self.assertEqual(json.loads(body), {"number": 5, "body": "text"})
            self.assertEqual(page(get("/mine/5", "HEAD"))[::2], (200, b""))
            self.assertIn("POST", page(get("/mine/5", "OPTIONS"))[1]["Allow"])
            self.assertEqual(page(get("/mine/5", "DELETE"))[0], 405)
            self.assertEqual(page(get("/fails"))[0], 418)
            self.assertEqual(get("/fails/else").error["info"], "'in a page'")
            self.assertEqual(page(get("/lost"))[::2], (404, b"lost"))
            for target, allowed in (("/nowhere", None), ("/predict", "OPTIONS, POST")):
                error = get(target, "PUT", allowed=allowed).error
                self.assertEqual(error["kind"], "not_implemented", target)

    def test_the_vectors(self) -> None:
        import flask

        class Own:
            def predict(self, X: Any, names: Any) -> Any:
                request = flask.request
                body = request.get_data(as_text=True)
                return [X, request.full_path, request.headers["X-Tenant"], request.host, body]

        with Server(Own(), folder=FOLDER) as server:
            server.send(VECTORS["request: as it came"])
            found = json.loads(server.response().body)
            expected = ["x", "/predict?a=7", "t\u00e9", "a:1", '{"strData":"x"}']
            self.assertEqual(found, expected)
            server.send(VECTORS["request: page"])
            self.assertEqual(server.response().error["kind"], "not_implemented")
        response = flask.Response("own", 402, {"Content-Type": "text/plain", "X-A": "\u00e9"})
        del response.headers["Content-Length"]
        (_, _, _, written), _, _ = web.reply(response, {"REQUEST_METHOD": "POST"})
        status, headers, body = page_of(bytes(written))
        expected_page = page_of(VECTORS["reply: http"][32 + 24 :])
        self.assertEqual((status, body), (expected_page[0], expected_page[2]))
        self.assertEqual(headers, {**expected_page[1], "Content-Length": "3"})

    def test_what_is_no_blueprint_is_ignored_with_a_warning(self) -> None:
        component = types.SimpleNamespace(model_error_handler=[], predict=lambda X, names: X)
        with self.assertLogs("streeling") as log, Server(component, folder=FOLDER) as server:
            self.assertEqual(server.ready["pages"], None)
        self.assertIn("must be a flask.Blueprint, not list", log.output[0])

    def test_a_worker_without_pages_declines(self) -> None:
        with Server(types.SimpleNamespace()) as server:
            response = server.call(original("/x"), method=PAGE)
            self.assertEqual(response.error["kind"], "not_implemented")
            # Nor does what it has not asked for disturb it.
            self.assertEqual(server.call(original(), method=7).body, b"healthy")


class WithoutFlask(unittest.TestCase):
    def test_handlers_are_ignored_with_a_warning(self) -> None:
        component = types.SimpleNamespace(model_error_handler=object())
        with mock.patch.dict(sys.modules, {"flask": None}), self.assertLogs("streeling") as log:
            self.assertIsNone(web.blueprint(component.model_error_handler))
        self.assertIn("Flask cannot be imported", log.output[0])

    def test_the_headers_of_a_request(self) -> None:
        class Reads:
            def predict(self, X: Any, names: Any) -> Any:
                headers = streeling.request_headers()
                return {"headers": dict(headers), "tenant": headers.get("X-TENANT")}

        came = [("x-tenant", "t1"), ("x-more", "a"), ("x-more", "b"), ("x-bin", "\u00ff")]
        with Server(Reads(), folder="/nowhere") as server:
            self.assertIn(server.ready["request"], ("head", "whole"))
            for transport in ("rest", "grpc"):
                found = server.call(TEXT + original(headers=came, transport=transport), items=2)
                headers = {"x-tenant": "t1", "x-more": "a, b", "x-bin": "\u00ff"}
                self.assertEqual(found.json, {"headers": headers, "tenant": "t1"})
            # A request of before it asked for them.
            error = server.call(TEXT).error
            self.assertIn("no request on this thread", error["info"])

    def test_headers_are_found_in_any_case(self) -> None:
        headers = streeling.Headers([("a-b", "1"), ("A-B", "2")])
        self.assertEqual((headers["A-b"], headers.get_all("a-B")), ("1, 2", ["1", "2"]))
        self.assertTrue("A-B" in headers and "c" not in headers)
        self.assertEqual((list(headers), len(headers), headers.get_all("c")), (["a-b"], 1, []))
        self.assertEqual(repr(headers), "Headers({'a-b': '1, 2'})")
        with self.assertRaises(KeyError):
            headers["c"]

    def test_names_in_the_code_of_a_component(self) -> None:
        names = access.Names(FOLDER).update()
        self.assertTrue({"flask", "streeling", "unittest"} <= names, names)
        self.assertEqual(access.Names("/nowhere").update(), set())

    def test_names_of_modules_that_have_come_since(self) -> None:
        names = access.Names(FOLDER)
        self.assertNotIn("only_later", names.update())
        later: Any = types.ModuleType("later")
        later.__file__ = str(Path(FOLDER, "later.py"))
        code = compile("import only_later.part", "later.py", "exec")
        loader = types.SimpleNamespace(get_code=lambda _: code)
        later.__spec__ = types.SimpleNamespace(loader=loader)
        self.addCleanup(sys.modules.pop, "later")
        sys.modules["later"] = later
        self.assertIn("only_later", names.update())

    def test_a_module_that_holds_flasks_request_counts(self) -> None:
        request = object()
        flask: Any = types.SimpleNamespace(request=request)
        user: Any = types.SimpleNamespace(its_request=request)
        with mock.patch.dict(sys.modules, {"flask": flask}):
            with mock.patch.dict(sys.modules, {"flask_cors": user}):
                self.assertFalse(access.reads_requests(set()))
            with mock.patch.dict(sys.modules, {"of_mine": user}):
                self.assertTrue(access.reads_requests(set()))
            self.assertTrue(access.reads_requests({"get_request"}))
        with mock.patch.dict(sys.modules):
            sys.modules.pop("flask", None)
            self.assertFalse(access.reads_requests({"numpy"}))


if __name__ == "__main__":
    unittest.main()
