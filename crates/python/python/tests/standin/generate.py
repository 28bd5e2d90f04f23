"""The calls that are compared: what each function gets."""

from __future__ import annotations

import itertools
from typing import Any

from . import components
from .cases import METRICS, Case, Cases, component

KINDS = ("tensor", "ndarray", "other")


def calls(seed: int = 1) -> list[Case]:
    """All of them, in a fixed order."""
    cases = Cases(seed)
    for part in (_arrays, _messages, _requests, _responses, _components, _metrics, _metadata):
        part(cases)
    for part in (_parameters, _environment, _files, _flask):
        part(cases)
    return cases.cases


def _each(*values: Any) -> tuple[Any, ...]:
    """Values of many types."""
    return values


def _message(cases: Cases, kind: str, json: dict[str, Any]) -> Any:
    """A message, unless the JSON makes none."""
    from google.protobuf import json_format
    from seldon_core.proto import prediction_pb2

    try:
        return json_format.ParseDict(json, getattr(prediction_pb2, kind)())
    except json_format.ParseError:
        return _message(cases, kind, {})


def _arrays(cases: Cases) -> None:
    for _ in range(40):
        array, names = cases.array(), cases.words()
        kind = cases.random.choice(KINDS)
        cases.add("utils.array_to_grpc_datadef", kind, array, names)
        cases.add("utils.array_to_rest_datadef", kind, array, names)
    for _ in range(8):
        cases.add("utils.array_to_grpc_datadef", "tensor", cases.array())
        cases.add("utils.array_to_rest_datadef", data_type="ndarray", array=cases.array())
        cases.add("utils.array_to_list_value", cases.array())
    for _ in range(40):
        datadef = _message(cases, "DefaultData", cases.datadef())
        cases.add("utils.grpc_datadef_to_array", datadef)


def _messages(cases: Cases) -> None:
    for _ in range(50):
        json = cases.message()
        cases.add("utils.json_to_seldon_message", json)
        message = _message(cases, "SeldonMessage", json)
        cases.add("utils.seldon_message_to_json", message)
        cases.add("utils.get_data_from_proto", message)
        cases.add("utils.get_meta_from_proto", message)
        cases.add("utils.extract_request_parts", message)
    for _ in range(12):
        json = {"seldonMessages": [cases.message() for _ in range(cases.random.randrange(3))]}
        cases.add("utils.json_to_seldon_messages", json)
        cases.add("utils.seldon_messages_to_json", _message(cases, "SeldonMessageList", json))
    for _ in range(30):
        reward = cases.random.choice((0, 1, -0.5, 2.25))
        parts: dict[str, Any] = {"request": cases.message(), "reward": reward}
        if cases.random.random() < 0.6:
            parts["truth"] = cases.message()
        if cases.random.random() < 0.5:
            parts["response"] = cases.message()
        cases.add("utils.json_to_feedback", parts)
        feedback = _message(cases, "Feedback", parts)
        cases.add("utils.feedback_to_json", feedback)
        cases.add("utils.extract_feedback_request_parts", feedback)
    for value in _each(
        None, [], "text", [1], {"strData": 1}, {"data": {"tensor": {"shape": ["a"]}}}
    ):
        cases.add("utils.json_to_seldon_message", value)
    for value in _each({}, {"name": "n", "versions": ["1"]}, {"unknown": 1}, {"name": 1}, None):
        cases.add("utils.json_to_seldon_model_metadata", value)


def _requests(cases: Cases) -> None:
    for _ in range(60):
        cases.add("utils.extract_request_parts_json", cases.message())
    kinds: dict[str, Any] = {
        "strData": "s",
        "binData": "AAE=",
        "jsonData": [1],
        "customData": {"a": 1},
    }
    for first, second in itertools.permutations(kinds, 2):
        cases.add("utils.extract_request_parts_json", {first: kinds[first], second: kinds[second]})
    for kind, value in kinds.items():
        both = {kind: value, "data": {"ndarray": [1]}, "meta": {"puid": "p"}}
        cases.add("utils.extract_request_parts_json", both)
    for value in _each(None, [], [1], "text", 5, {}, {"meta": {}}, {"data": {}}):
        cases.add("utils.extract_request_parts_json", value)
    datadef = {"ndarray": [1], "tensor": {"shape": [1], "values": [2]}}
    cases.add("utils.extract_request_parts_json", {"data": datadef})


def _responses(cases: Cases) -> None:
    for _ in range(150):
        user_model = component(cases.random.choice(components.NAMES))
        is_request = cases.random.random() < 0.5
        request, returned = cases.message(), cases.returned()
        options: dict[str, Any] = {}
        if cases.random.random() < 0.4:
            options["meta"] = cases.meta()
        if cases.random.random() < 0.3:
            options["custom_metrics"] = [cases.metric()]
        if cases.random.random() < 0.3:
            options["runtime_tags"] = {"run": cases.word(), "both": "run"}
        message = _message(cases, "SeldonMessage", request)
        cases.add("utils.construct_response", user_model, is_request, message, returned, **options)
        cases.add(
            "utils.construct_response_json", user_model, is_request, request, returned, **options
        )


def _components(cases: Cases) -> None:
    import numpy as np

    array = np.array([[1.0, 2.0]])
    for name in components.NAMES:
        user_model = component(name)
        for method in ("predict", "transform_input", "transform_output", "route"):
            for options in ({}, {"meta": None}, {"meta": {"puid": "p"}}):
                cases.add(f"user_model.client_{method}", user_model, array, ["n"], **options)
        cases.add("user_model.client_aggregate", user_model, [array, "text"], [["n"], []])
        for routing in (None, 0, 2):
            arguments = (array, ["n"], 0.5, array, routing)
            cases.add("user_model.client_send_feedback", user_model, *arguments)
        for method in ("health_status", "custom_tags"):
            cases.add(f"user_model.client_{method}", user_model)
        for shape in ((3,), (1, 3), (0, 2), (1, 2, 2), ()):
            cases.add("user_model.client_class_names", user_model, np.zeros(shape))
        cases.add("user_model.client_feature_names", user_model, ["original"])
        cases.add("user_model.client_custom_metrics", user_model, METRICS, "predict")
        runtime = [cases.metric(), cases.metric()]
        cases.add("user_model.client_custom_metrics", user_model, METRICS, "predict", runtime)


def _metrics(cases: Cases) -> None:
    import numpy as np

    values = (0, 1, 2.5, True, np.float32(0.5), np.int64(3), float("inf"))
    for value, kind in itertools.product(values, ("counter", "gauge", "timer")):
        cases.add(f"metrics.create_{kind}", "key", value)
    good = cases.metric()
    lists: list[Any] = [[], [good], [good, good], {}, (), None, "text", [{}]]
    for key in ("type", "key", "value"):
        lists.append([{name: value for name, value in good.items() if name != key}])
    for value in (*values, None, "1", [1]):
        lists.append([{**good, "value": value}])
    for kind in _each("COUNTER", "counter", "", None, 1):
        lists.append([{**good, "type": kind}])
    for metrics in lists:
        cases.add("metrics.validate_metrics", metrics)
    for tag in ("", "a", "a:b", "a:b:c", "h:5000/a", "h:5000/a:1", "a@sha256:0f"):
        cases.add("metrics.split_image_tag", tag)
    for name in ("BINS", "DEFAULT_LABELS", "COUNTER", "FEEDBACK_REWARD_KEY", "model_version"):
        cases.add(f"metrics.{name}")


def _metadata(cases: Cases) -> None:
    tensors: list[Any] = [{}, {"name": "a", "datatype": "FP64", "shape": [1, 2]}, [], "text"]
    tensors += [{"datatype": kind} for kind in ("BOOL", "INT16", "bool", "FP128", 1)]
    tensors += [{"shape": shape} for shape in _each([], [1.0], [1.5], [True], ["1"], None, 1)]
    for kind in ("tensor", "ndarray", "tftensor", "strData", "binData", "jsonData", "mine", 1):
        tensors.append({"messagetype": kind})
        for schema in _each({}, {"names": ["a"], "shape": [2]}, {"other": 1}, {"names": [1]}, []):
            tensors.append({"messagetype": kind, "schema": schema})
    whole: list[dict[str, Any]] = [{"inputs": [tensor]} for tensor in tensors]
    whole += [{"outputs": [tensors[1], tensor]} for tensor in tensors[::3]]
    whole += [{"name": "n"}, {"name": 1}, {"name": None}, {"platform": "p"}, {"platform": []}]
    whole += [{"versions": value} for value in _each([], ["1"], [1], "1", None)]
    whole += [{"custom": value} for value in _each({}, {"a": "b"}, {"a": 1}, [], None)]
    whole += [{"inputs": value} for value in _each({}, None, "x")]
    whole += [{"other": 1}, {"name": "n", "versions": ["2"], "custom": {"k": "v"}}]
    for data in whole:
        cases.add("metadata.validate_model_metadata", data)
    for name in ("JSON_SCHEMA", "INPUTS_OUTPUTS_SCHEMA", "METADATA_TENSOR_SCHEMA"):
        cases.add(f"metadata.{name}")
        # Its text is not ours to keep.
        cases.cases[-1]["digest"] = True


def _parameters(cases: Cases) -> None:
    values = ("a", "1", "-2", "1.5", "1e3", "yes", "TRUE", "off", "0", "", 1, 2.5, True)
    for kind in ("INT", "FLOAT", "DOUBLE", "STRING", "BOOL", "int", "LIST"):
        for value in values:
            parameter = {"name": "p", "value": value, "type": kind}
            cases.add("microservice.parse_parameters", [parameter])
    several = [
        {"name": "a", "value": "1", "type": "INT"},
        {"name": "b", "value": "x", "type": "STRING"},
        {"name": "a", "value": "2", "type": "INT"},
    ]
    for parameters in _each([], {}, several):
        cases.add("microservice.parse_parameters", parameters)
    for name in ("PARAMETERS_ENV_NAME", "DEFAULT_HTTP_PORT", "DEBUG_ENV", "ANNOTATIONS_FILE"):
        cases.add(f"microservice.{name}")


def _environment(cases: Cases) -> None:
    for value in ("", "0", "1", "true", "True", "TRUE", "yes", " 1", "false"):
        cases.add("utils.getenv_as_bool", "UNSET", "FLAG", env={"FLAG": value})
        cases.add("utils.getenv", "UNSET", "FLAG", default="d", env={"FLAG": value})
    for default in (False, True, "text", None):
        cases.add("utils.getenv_as_bool", "UNSET", default=default)
        cases.add("utils.getenv", "UNSET", default=default)
    names = {
        "get_model_name": "PREDICTIVE_UNIT_ID",
        "get_image_name": "PREDICTIVE_UNIT_IMAGE",
        "get_deployment_name": "SELDON_DEPLOYMENT_ID",
        "get_predictor_name": "PREDICTOR_ID",
    }
    for function, variable in names.items():
        for value in ("", "x", "NOT_IMPLEMENTED"):
            cases.add(f"env_utils.{function}", env={variable: value})
            cases.add(f"env_utils.{function}", "default", env={variable: value})
            cases.add("utils.get_request_path", env={variable: value})
    for value in ("{}", '{"version":1}', '{"version":null}', '{"other":"x"}', "", "bad"):
        cases.add("env_utils.get_predictor_version", env={"PREDICTOR_LABELS": value})
    for name in ("ENV_MODEL_NAME", "NONIMPLEMENTED_MSG", "NONIMPLEMENTED_IMAGE_MSG"):
        cases.add(f"env_utils.{name}")
    cases.add("version.__version__")


def _files(cases: Cases) -> None:
    local = ("D/model", "D/model/a.bin", "D/none", "D/model/*.bin", "")
    uris = (*local, *(f"file://{path}" for path in local), "model", "model/")
    for uri, has_target in itertools.product(uris, (False, True)):
        cases.add("scenarios.download", uri, has_target)
    text = 'a="b"\nseldon.io/rest-timeout="100"\nno value\n  s = \'t\' \nq="1=2"\n\n'
    for content in (None, "", text):
        cases.add("scenarios.pod_annotations", content)
    lines = (
        ("Iris",),
        ("Iris", "--service-type", "ROUTER", "--workers", "3", "--other", "x"),
        ("Iris", "--tracing", "--debug", "--persistence", "--access-log"),
        ("Iris", "--tracing", "1", "--http-port", "1", "--grpc-port", "2", "--metrics-port", "3"),
        ("Iris", "--log-level", "DEBUG", "--parameters", "[]", "--pidfile", "p", "--threads", "2"),
        ("Iris", "--service-type", "OTHER"),
        ("Iris", "--workers", "x"),
        (),
    )
    for words in lines:
        cases.add("scenarios.arguments", *words)
    for line in (("GET /metrics",), ("GET /ping",), ('"%s" %s', "GET /metrics HTTP/1.1", "200")):
        cases.add("scenarios.is_kept", *line)


def _flask(cases: Cases) -> None:
    json, form, multipart = (
        f"{kind}/{name}"
        for kind, name in (
            ("application", "json"),
            ("application", "x-www-form-urlencoded"),
            ("multipart", "form-data"),
        )
    )
    whole = {"body": b'{"a": 1}', "type": json}
    requests: list[dict[str, Any]] = [
        whole,
        {**whole, "args": {"json": '{"q": 1}'}},
        {"form": {"json": '{"a": 1}'}, "type": form},
        {"form": {"json": '{"a": 1}'}, "args": {"json": '{"q": 1}'}, "type": form},
        {"form": {"json": '{"a'}, "type": form},
        {"form": {"other": "1"}, "type": form},
        {"args": {"json": "[1]"}},
        {"args": {"other": "[1]"}},
        {},
        {"form": {"strData": "{}", "data": '{"ndarray": [1]}'}, "type": multipart},
        {"files": {"binData": b"\x00\xff"}, "form": {"meta": "{}"}, "type": multipart},
        {"files": {"strData": b"text", "jsonData": b"[1]"}, "type": multipart},
        {"form": {"jsonData": "bad"}, "type": multipart},
        {"form": {"json": '{"a": 1}'}, "type": multipart},
    ]
    for body in (b"[1]", b'"text"', b"null", b"", b'{"a', b"NaN"):
        requests += [{"body": body, "type": json}, {"body": body, "type": "text/plain"}]
    for request, skip_decoding in itertools.product(requests, (False, True)):
        cases.add("scenarios.flask_request", request, skip_decoding)
    for value in _each({"b": 1, "a": [None, True]}, [1, 2.5], "text", None, float("nan")):
        cases.add("scenarios.flask_response", value, False)
    for text in ('{"a": 1}', b"bytes"):
        cases.add("scenarios.flask_response", text, True)


def live_calls(with_tensorflow: bool, seed: int = 1) -> list[Case]:
    """What is compared where the real package is, since it needs packages beside it."""
    cases = Cases(seed)
    for _ in range(10):
        count = cases.random.randrange(5)
        cases.add("scenarios.metrics_text", [cases.metric() for _ in range(count)])
    if not with_tensorflow:
        return cases.cases
    for _ in range(40):
        array, names = cases.array(), cases.words()
        if array.dtype.kind == "O":
            continue
        cases.add("utils.array_to_grpc_datadef", "tftensor", array, names)
        cases.add("utils.array_to_rest_datadef", "tftensor", array, names)
        import tensorflow as tf
        from google.protobuf import json_format
        from seldon_core.proto import prediction_pb2

        datadef = prediction_pb2.DefaultData(names=names, tftensor=tf.make_tensor_proto(array))
        cases.add("utils.grpc_datadef_to_array", datadef)
        request = {"data": json_format.MessageToDict(datadef)}
        cases.add("utils.extract_request_parts_json", request)
        model = component(cases.random.choice(components.NAMES))
        returned = cases.array()
        cases.add("utils.construct_response_json", model, False, request, returned)
        message = prediction_pb2.SeldonMessage(data=datadef)
        cases.add("utils.construct_response", model, True, message, returned)
    return cases.cases
