//! Servers of saved models, as people have them, in a Python that has no seldon-core.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use streeling_testkit::{Request, Server};
use tempfile::TempDir;

use crate::support::{STUBS, command, root, send_json};

/// A folder with a model of two columns and one class.
fn model() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.json"), "[[2.0], [0.5]]").unwrap();
    let metadata = json!({"name": "saved", "versions": ["7"]});
    fs::write(folder.path().join("metadata.json"), metadata.to_string()).unwrap();
    folder
}

fn uri(model: &TempDir) -> String {
    format!("file://{}", model.path().display())
}

/// Parameters of a component, all of them text.
fn parameters(values: &[(&str, &str)]) -> String {
    let list: Vec<Value> = values
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value, "type": "STRING"}))
        .collect();
    Value::from(list).to_string()
}

fn serve(class: &str, values: &[(&str, &str)]) -> Server {
    command(&format!("model_servers.{class}"))
        .env("PREDICTIVE_UNIT_PARAMETERS", parameters(values))
        .start()
        .unwrap()
}

fn predict(server: &Server) -> (u16, Value) {
    let body = json!({"data": {"names": ["a", "b"], "ndarray": [[1.0, 2.0], [3.0, 4.0]]}});
    send_json(server, &Request::json("/predict", body.to_string()))
}

#[test]
fn a_model_is_found_described_and_served() {
    let model = model();
    let server = serve("ScikitLike", &[("model_uri", &uri(&model))]);
    let (status, response) = predict(&server);
    assert_eq!(status, 200, "{response}");
    assert_eq!(response["data"]["ndarray"], json!([[3.0], [8.0]]));
    let (_, metadata) = send_json(&server, &Request::get("/metadata"));
    assert_eq!(metadata["name"], "saved");
    assert_eq!(metadata["versions"], json!(["7"]));
}

#[test]
fn the_exception_of_the_package_chooses_the_status() {
    let model = model();
    let server = serve(
        "ScikitLike",
        &[("model_uri", &uri(&model)), ("method", "decision")],
    );
    let (status, response) = predict(&server);
    assert_eq!(status, 422, "{response}");
    assert_eq!(response["status"]["info"], "no method decision");
}

#[test]
fn files_are_linked_into_a_folder_of_the_servers_own() {
    let model = model();
    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("new").display().to_string();
    let server = serve(
        "BoosterLike",
        &[("model_uri", &uri(&model)), ("target", &target)],
    );
    let (status, response) = predict(&server);
    assert_eq!(status, 200, "{response}");
    assert_eq!(response["data"]["ndarray"], json!([[3.0], [8.0]]));
    assert_eq!(response["data"]["names"], json!(["t:0"]));
    assert_eq!(response["meta"]["tags"], json!({"linked": true}));
}

#[test]
fn parameters_are_read_again_and_responses_have_metrics() {
    let model = model();
    let values = [("model_uri", uri(&model)), ("xtype", "dict".to_owned())];
    let values = values
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    let server = serve("FlowLike", &values);
    let (status, response) = predict(&server);
    assert_eq!(status, 200, "{response}");
    let expected = json!({"names": ["a", "b"], "rows": [[3.0], [8.0]]});
    assert_eq!(response["jsonData"], expected);
    assert_eq!(response["meta"]["metrics"][0]["key"], "rows");
}

/// Calls with our own stubs, where seldon-core's are installed too; prints the response.
const CALL: &str = "
import sys
sys.path.insert(0, sys.argv[2])
import grpc, seldon_core
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc
assert seldon_core.__file__.startswith(sys.argv[2]), seldon_core.__file__
tensor = prediction_pb2.Tensor(shape=[1, 2], values=[1, 2])
request = prediction_pb2.SeldonMessage(data=prediction_pb2.DefaultData(tensor=tensor))
with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = prediction_pb2_grpc.ModelStub(channel)
    print(json_format.MessageToJson(stub.Predict(request, timeout=30)))
";

#[test]
fn a_proxy_converts_messages_over_both_transports() {
    let server = command("model_servers.ProxyLike")
        .args(["--grpc-port", "0", "--grpc-workers", "1"])
        .start()
        .unwrap();
    let (status, response) = predict(&server);
    assert_eq!(status, 200, "{response}");
    assert_eq!(response["data"]["names"], json!(["a", "b"]));
    assert_eq!(response["data"]["ndarray"], json!([[2.0, 4.0], [6.0, 8.0]]));

    let output = Command::new(STUBS.python())
        .args(["-c", CALL, &server.grpc_address().to_string()])
        .arg(package())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let response: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(response["data"]["tensor"]["values"], json!([2.0, 4.0]));
}

/// A server of gRPC's own package with our servicers, and a client of it.
const SERVE: &str = "
import sys
sys.path.insert(0, sys.argv[1])
import grpc
from concurrent.futures import ThreadPoolExecutor
from google.protobuf import empty_pb2
from seldon_core.proto import prediction_pb2, prediction_pb2_grpc

class Model(prediction_pb2_grpc.ModelServicer):
    def Predict(self, request, context):
        return prediction_pb2.SeldonMessage(strData=request.strData + '!')

server = grpc.server(ThreadPoolExecutor(1))
prediction_pb2_grpc.add_ModelServicer_to_server(Model(), server)
port = server.add_insecure_port('127.0.0.1:0')
server.start()
with grpc.insecure_channel(f'127.0.0.1:{port}') as channel:
    stub = prediction_pb2_grpc.ModelStub(channel)
    print(stub.Predict(prediction_pb2.SeldonMessage(strData='a'), timeout=30).strData)
    try:
        stub.Metadata(empty_pb2.Empty(), timeout=30)
    except grpc.RpcError as error:
        print(error.code().name)
server.stop(None)
";

#[test]
fn servicers_serve_by_grpcs_own_package() {
    let output = Command::new(STUBS.python())
        .args(["-c", SERVE])
        .arg(package())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(text, "a!\nUNIMPLEMENTED\n", "{log}");
}

/// The folder of our package.
fn package() -> PathBuf {
    root().join("crates/python/python")
}
