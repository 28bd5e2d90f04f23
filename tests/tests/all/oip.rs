//! The Open Inference Protocol: one class by every protocol and form, with real clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use streeling_proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use streeling_proto::inference::infer_parameter::ParameterChoice;
use streeling_proto::inference::model_infer_request::InferInputTensor;
use streeling_proto::inference::{InferTensorContents, ModelInferRequest, ModelInferResponse};
use streeling_testkit::{Request, Server, ServerCommand};
use tonic::Status;

use crate::grpc_client::connected;
use crate::support::{command, command_in, echo, made_by_xtask, root, send_json};

/// Triton's client.
static TRITON: LazyLock<PathBuf> = LazyLock::new(|| {
    made_by_xtask(
        "STREELING_TEST_TRITON",
        "target/venv/triton/bin/python",
        "a Python with tritonclient[http,grpc]",
    )
});

/// Both ports, with one worker behind both.
fn both(command: ServerCommand) -> ServerCommand {
    command
        .env("GRPC_WORKERS", "1")
        .env("STREELING_WORKER_POOL", "shared")
        .args(["--grpc-port", "0"])
}

fn tensors(flags: &[&str]) -> Server {
    both(command("Tensors")).args(flags).start().unwrap()
}

/// A class of its own.
fn class(source: &str) -> (tempfile::TempDir, ServerCommand) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Model.py"), source).unwrap();
    let command = both(command_in(folder.path(), "Model"));
    (folder, command)
}

fn infer(server: &Server, model: &str, body: &Value) -> (u16, Value) {
    let path = format!("/v2/models/{model}/infer");
    send_json(server, &Request::json(&path, body.to_string()))
}

/// The outputs of a response that must be good.
fn outputs(server: &Server, model: &str, body: &Value) -> Value {
    let (status, mut response) = infer(server, model, body);
    assert_eq!(status, 200, "{response}");
    response["outputs"].take()
}

fn error(response: &Value) -> &str {
    let keys: Vec<_> = response.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["error"], "{response}");
    response["error"].as_str().unwrap()
}

fn infer_over_grpc(
    address: SocketAddr,
    request: ModelInferRequest,
) -> Result<ModelInferResponse, Status> {
    connected(address, async |channel| {
        let mut client = GrpcInferenceServiceClient::new(channel);
        client.model_infer(request).await
    })
}

/// What the server responds to each call of Triton's client, which is driven in this way.
fn triton(server: &Server, transport: &str, options: &[&str]) -> Value {
    let address = match transport {
        "grpc" => server.grpc_address(),
        _ => server.address(),
    };
    let ended = Command::new(&*TRITON)
        .arg(root().join("tests/oip/with_tritonclient.py"))
        .args([transport, &address.to_string(), "Tensors"])
        .args(options)
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{transport} {options:?}: {log}");
    serde_json::from_slice(&ended.stdout).unwrap()
}

fn triton_gets_what_is_expected(transport: &str, options: &[&str]) {
    let server = tensors(&[]);
    let text = std::fs::read(root().join("tests/oip/tritonclient.json")).unwrap();
    let expected: Value = serde_json::from_slice(&text).unwrap();
    let found = triton(&server, transport, options);
    let found = found.as_object().unwrap();
    for (name, expected) in expected.as_object().unwrap() {
        // The client sends no halves as JSON.
        let is_unsayable = name == "half" && transport == "http" && !options.contains(&"binary");
        let expected = expected.get(transport).unwrap_or(expected);
        let expected = Some(expected).filter(|_| !is_unsayable);
        assert_eq!(found.get(name), expected, "{transport} {options:?}: {name}");
    }
    assert!(found.len() >= 30, "{} calls", found.len());
    // One of the calls is for that.
    server.wait_for_log("all workers are reloaded");
}

#[test]
fn tritons_client_over_grpc() {
    triton_gets_what_is_expected("grpc", &[]);
    triton_gets_what_is_expected("grpc", &["asyncio"]);
}

#[test]
fn tritons_client_over_rest_with_json() {
    triton_gets_what_is_expected("http", &[]);
    triton_gets_what_is_expected("http", &["asyncio"]);
}

#[test]
fn tritons_client_over_rest_with_raw_tensors() {
    triton_gets_what_is_expected("http", &["binary"]);
    triton_gets_what_is_expected("http", &["binary", "asyncio"]);
}

#[test]
fn one_class_predicts_the_same_by_every_protocol() {
    let folder = root().join("examples/mean_classifier");
    let command = both(command_in(&folder, "MeanClassifier"));
    let server = command.start().unwrap();
    let rows = [[1.0, 3.0], [-2.0, 0.25]];
    let body = json!({"data": {"ndarray": rows}}).to_string();
    let (status, seldon) = send_json(&server, &Request::json("/predict", body));
    assert_eq!(status, 200, "{seldon}");
    let expected = seldon["data"]["ndarray"].as_array().unwrap();
    let expected = expected.iter().map(|row| row[0].as_f64().unwrap());
    let expected: Vec<f64> = expected.collect();
    let flat: Vec<f64> = rows.into_iter().flatten().collect();

    let input = json!({"name": "x", "datatype": "FP64", "shape": [2, 2], "data": flat});
    let found = outputs(&server, "MeanClassifier", &json!({"inputs": [input]}));
    let output = json!([{
        "name": "predict",
        "datatype": "FP64",
        "shape": [2, 1],
        "data": expected,
        "parameters": {"names": "[\"proba\"]"},
    }]);
    assert_eq!(found, output);

    let request = ModelInferRequest {
        model_name: "MeanClassifier".to_owned(),
        inputs: vec![InferInputTensor {
            name: "x".to_owned(),
            datatype: "FP64".to_owned(),
            shape: vec![2, 2],
            contents: Some(InferTensorContents {
                fp64_contents: flat.clone(),
                ..InferTensorContents::default()
            }),
            ..InferInputTensor::default()
        }],
        ..ModelInferRequest::default()
    };
    let response = infer_over_grpc(server.grpc_address(), request).unwrap();
    let contents = response.outputs[0].contents.as_ref().unwrap();
    assert_eq!(contents.fp64_contents, expected);
    let threshold = &response.parameters["threshold"].parameter_choice;
    assert_eq!(threshold, &Some(ParameterChoice::DoubleParam(0.0)));
}

#[test]
fn columns_named_inputs_names_and_tags() {
    let server = tensors(&[]);
    let column = |name: &str, datatype: &str, data: Value| {
        let shape = [2];
        json!({"name": name, "datatype": datatype, "shape": shape, "data": data})
    };
    let respond = |body: Value| {
        let (status, response) = infer(&server, "Tensors", &body);
        assert_eq!(status, 200, "{response}");
        response
    };
    let inputs = json!([
        column("age", "INT32", json!([30, 40])),
        column("weight", "FP32", json!([0.5, 1.5])),
        column("city", "BYTES", json!(["Rome", "Bern"])),
    ]);
    let response = respond(json!({"inputs": inputs, "id": "p", "parameters": {"k": true}}));
    assert_eq!(response["id"], "p");
    assert_eq!(response["model_name"], "Tensors");
    assert_eq!(
        response["parameters"],
        json!({
            "seen": "object [2, 3]",
            "names": r#"["age", "weight", "city"]"#,
            "meta": r#"{"puid": "p", "tags": {"k": true}}"#,
        })
    );
    let matrix = json!({
        "name": "x", "datatype": "FP32", "shape": [1, 2], "data": [[1, 2]],
        "parameters": {"names": ["a", "b"]},
    });
    let response = respond(json!({"inputs": [matrix]}));
    assert_eq!(response["parameters"]["seen"], "float32 [1, 2]");
    assert_eq!(response["parameters"]["names"], r#"["a", "b"]"#);

    let response =
        respond(json!({"inputs": [matrix, column("flag", "BOOL", json!([true, false]))]}));
    let outputs = json!([
        {"name": "x", "datatype": "FP32", "shape": [1, 2], "data": [1.0, 2.0]},
        {"name": "flag", "datatype": "BOOL", "shape": [2], "data": [true, false]},
    ]);
    assert_eq!(response["outputs"], outputs);
}

#[test]
fn what_cannot_be_taken_is_named() {
    let server = tensors(&["--model-name", "iris", "--model-version", "v3"]);
    let input = |shape: Value, datatype: &str| {
        let input = json!({"name": "x", "datatype": datatype, "shape": shape, "data": [1, 2]});
        json!({"inputs": [input]})
    };
    let good = input(json!([2]), "FP32");
    let (status, response) = infer(&server, "iris", &good);
    assert_eq!(status, 200, "{response}");
    assert_eq!(response["model_version"], "v3");
    let (status, _) = infer(&server, "iris/versions/v3", &good);
    assert_eq!(status, 200);
    for (model, body, status, word) in [
        ("other", &good, 404, "\"other\""),
        ("iris/versions/v4", &good, 404, "\"v4\""),
        ("iris", &input(json!([3]), "FP32"), 400, "\"x\""),
        ("iris", &input(json!([2]), "FP31"), 400, "FP31"),
        ("iris", &input(json!([-2]), "FP32"), 400, "\"x\""),
        ("iris", &input(json!([0]), "FP32"), 400, "\"x\""),
        ("iris", &json!({"inputs": []}), 400, "inputs"),
        ("iris", &json!({"input": 1}), 400, "inputs"),
        ("iris", &json!([]), 400, ""),
    ] {
        let (found, response) = infer(&server, model, body);
        assert_eq!(found, status, "{model} {body}: {response}");
        assert!(error(&response).contains(word), "{body}: {response}");
    }
    let (status, response) = send_json(&server, &Request::get("/v2/nothing"));
    assert_eq!(status, 404);
    assert!(error(&response).contains("/v2/nothing"), "{response}");
}

#[test]
fn pages_say_what_is_served() {
    let source = "class Model:\n    \
                      def predict(self, X, names):\n        return X\n    \
                      def init_metadata(self):\n        \
                          column = {'name': 'x', 'datatype': 'FP32', 'shape': [-1]}\n        \
                          return {'versions': ['7'], 'platform': 'p', 'inputs': [column]}\n";
    let (_folder, command) = class(source);
    let server = command.env("PREDICTIVE_UNIT_ID", "unit").start().unwrap();
    let get = |path: &str| send_json(&server, &Request::get(path));
    let (status, response) = get("/v2");
    assert_eq!(status, 200);
    let extensions = response["extensions"].as_array().unwrap();
    assert!(
        extensions.contains(&json!("binary_tensor_data")),
        "{response}"
    );
    assert_eq!(get("/v2/health/live"), (200, json!({"live": true})));
    assert_eq!(get("/v2/health/ready"), (200, json!({"ready": true})));
    let ready = (200, json!({"name": "unit", "ready": true}));
    assert_eq!(get("/v2/models/unit/ready"), ready);
    let (status, response) = get("/v2/models/unit");
    assert_eq!(status, 200);
    assert_eq!(response["name"], "unit");
    assert_eq!(response["platform"], "p");
    let input = json!({"name": "x", "datatype": "FP32", "shape": [-1]});
    assert_eq!(response["inputs"], json!([input]));
}

#[test]
fn a_transformer_with_both_methods_is_refused_and_the_start_says_so() {
    let source = |methods: &[&str]| {
        let methods = methods.iter().map(|name| {
            format!("    def transform_{name}(self, X, names):\n        return ['{name}']\n")
        });
        format!("class Model:\n{}", methods.collect::<String>())
    };
    let body = json!({"inputs": [
        {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]},
    ]});
    let warning = "/v2/models/Model/infer cannot be for both";
    for flags in [&["--service-type", "TRANSFORMER"][..], &[]] {
        for name in ["input", "output"] {
            let (_folder, command) = class(&source(&[name]));
            let server = command.args(flags).start().unwrap();
            assert_eq!(outputs(&server, "Model", &body)[0]["data"], json!([name]));
            assert!(!server.log().iter().any(|line| line.contains(warning)));
        }
        let (_folder, command) = class(&source(&["input", "output"]));
        let server = command.args(flags).start().unwrap();
        let (status, response) = infer(&server, "Model", &body);
        assert_eq!(status, 501, "{response}");
        assert!(error(&response).contains("transform_input and transform_output"));
        let log = server.log();
        let warnings = log.iter().filter(|line| line.contains(warning));
        assert_eq!(warnings.count(), 1, "{log:?}");
    }
}

#[test]
fn a_client_may_have_the_component_loaded_again() {
    let source = "import os\nclass Model:\n    \
                      def load(self):\n        self.file = open('value').read()\n    \
                      def predict(self, X, names):\n        return [self.file]\n";
    let (folder, command) = class(source);
    let write = |text: &str| std::fs::write(folder.path().join("value"), text).unwrap();
    write("one");
    let server = command.start().unwrap();
    let body = json!({"inputs": [
        {"name": "x", "datatype": "FP32", "shape": [1], "data": [1]},
    ]});
    let value = || outputs(&server, "Model", &body)[0]["data"][0].clone();
    assert_eq!(value(), "one");
    write("two");
    let load = Request::json("/v2/repository/models/Model/load", "{}");
    assert_eq!(server.send(&load).unwrap().status, 200);
    server.wait_for_log("all workers are reloaded");
    assert_eq!(value(), "two");
    let index = Request::json("/v2/repository/index", "{}");
    let (status, index) = send_json(&server, &index);
    assert_eq!(status, 200);
    assert_eq!(index[0]["name"], "Model");
    assert_eq!(index[0]["state"], "READY");
}

#[test]
fn components_in_rust_keep_dtypes_and_take_columns() {
    let server = echo().start().unwrap();
    let input = json!({"name": "x", "datatype": "FP32", "shape": [2, 1], "data": [0.5, 1e9]});
    let found = outputs(&server, "echo", &json!({"inputs": [input]}));
    assert_eq!(found[0]["datatype"], "FP32");
    assert_eq!(found[0]["shape"], json!([2, 1]));
    assert_eq!(found[0]["data"], json!([0.5, 1e9]));
    let column = |name: &str, data: Value| {
        let shape = [2];
        json!({"name": name, "datatype": "FP32", "shape": shape, "data": data})
    };
    let columns = json!([column("a", json!([1, 2])), column("b", json!([3, 4]))]);
    let found = outputs(&server, "echo", &json!({"inputs": columns}));
    assert_eq!(found[0]["shape"], json!([2, 2]));
    assert_eq!(found[0]["data"], json!([1.0, 3.0, 2.0, 4.0]));
}
