"""Calls that need more than arguments: files, a command line, a request of Flask's."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
import types
from pathlib import Path
from typing import Any, Iterator
from unittest import mock


def download(uri: str, has_target: bool) -> Any:
    """What `Storage.download` makes of a path in a folder of files; `D` stands for the folder."""
    from seldon_core import Storage

    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        (top / "model/sub").mkdir(parents=True)
        for file in ("model/a.bin", "model/.hidden", "model/sub/b.bin"):
            (top / file).write_text(file)
        target = top / "new/target"
        with _working_directory(top):
            found = Storage.download(uri.replace("D", name), str(target) if has_target else None)
        links = {}
        if has_target:
            for link in target.iterdir():
                links[link.name] = [link.is_symlink(), os.readlink(link).replace(name, "D")]
        return [str(found).replace(name, "D"), links]


def pod_annotations(text: str | None) -> Any:
    """What `load_annotations` reads of a file with this text."""
    from seldon_core import microservice

    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "annotations"
        if text is not None:
            file.write_text(text)
        with mock.patch.object(microservice, "ANNOTATIONS_FILE", str(file)):
            return microservice.load_annotations()


def arguments(*words: str) -> Any:
    """What `parse_args` makes of a command line."""
    from seldon_core import microservice

    errors = io.StringIO()
    with mock.patch.object(sys, "argv", ["program", *words]), contextlib.redirect_stderr(errors):
        try:
            known, unknown = microservice.parse_args()
        except SystemExit as end:
            return ["ends", end.code]
    return [vars(known), unknown]


def is_kept(*words: str) -> bool:
    """Whether a line of the access log passes `MetricsEndpointFilter`."""
    import logging

    from seldon_core.microservice import MetricsEndpointFilter

    line = logging.LogRecord("access", logging.INFO, "file", 1, words[0], words[1:], None)
    return bool(MetricsEndpointFilter().filter(line))


def flask_request(parts: dict[str, Any], skip_decoding: bool) -> Any:
    """What `get_request` finds in a request with this body, form, files, query and type."""
    from seldon_core import flask_utils

    with _request(parts):
        return flask_utils.get_request(skip_decoding=skip_decoding)


def flask_response(value: Any, skip_encoding: bool) -> Any:
    """Body and type of what `jsonify` makes of a value."""
    from seldon_core import flask_utils

    with _request({}):
        response = flask_utils.jsonify(value, skip_encoding=skip_encoding)
        return [response.get_data().strip(), response.mimetype]


def metrics_text(metrics: list[Any]) -> Any:
    """The page that a collection of metrics makes of them."""
    from seldon_core.metrics import SeldonMetrics

    collection = SeldonMetrics(worker_id_func=lambda: 7, extra_default_labels={"zone": "eu"})
    for one in metrics:
        collection.update([one], "predict")
        collection.update([one], "feedback")
    for reward in (1.5, -2.0, 0, None):
        collection.update_reward(reward)  # type: ignore[arg-type]
    page = collection.generate_metrics()
    collection.clear()
    return [sorted(page[0].splitlines()), page[1], collection.generate_metrics()[0]]


def _is_installed(name: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(name) is not None


@contextlib.contextmanager
def _request(parts: dict[str, Any]) -> Iterator[None]:
    """A request that is being worked on: Flask's, or where it is not installed one of its shape."""
    if not _is_installed("flask"):
        with mock.patch.dict(sys.modules, flask=_like_flask(parts)):
            yield
        return
    import flask

    options: dict[str, Any] = {"method": "POST", "query_string": parts.get("args")}
    fields = dict(parts.get("form", {}))
    for name, content in parts.get("files", {}).items():
        fields[name] = (io.BytesIO(content), "file")
    if fields:
        options["data"] = fields
    elif "body" in parts:
        options["data"] = parts["body"]
    if parts.get("type"):
        options["content_type"] = parts["type"]
    with flask.Flask("test").test_request_context(**options):
        yield


def _like_flask(parts: dict[str, Any]) -> Any:
    import json

    body = parts.get("body", b"")

    def get_json(silent: bool = False) -> Any:
        assert silent
        if not parts.get("type", "").startswith("application/json"):
            return None
        try:
            return json.loads(body)
        except ValueError:
            return None

    class Response:
        """The two attributes that are looked at."""

        def __init__(self, content: Any, mimetype: str) -> None:
            self.content = content.encode() if isinstance(content, str) else content
            self.mimetype = mimetype

        def get_data(self) -> Any:
            return self.content

    def jsonify(value: Any) -> Response:
        text = json.dumps(value, separators=(",", ":"), sort_keys=True)
        return Response(text, "application/json")

    files = {name: io.BytesIO(content) for name, content in parts.get("files", {}).items()}
    flask: Any = types.ModuleType("flask")
    flask.request = types.SimpleNamespace(
        content_type=parts.get("type"),
        form=parts.get("form", {}),
        args=parts.get("args", {}),
        files=files,
        get_data=lambda: body,
        get_json=get_json,
    )
    flask.current_app = types.SimpleNamespace(response_class=Response)
    flask.jsonify = jsonify
    return flask


@contextlib.contextmanager
def _working_directory(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
