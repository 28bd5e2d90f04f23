//! Coroutine functions, over every protocol.

use serde_json::json;
use streeling_proto::seldon::protos::{SeldonMessage, seldon_message};
use streeling_testkit::Request;

use crate::grpc_client::{predict, predict_with, tensor, values};
use crate::support::{TIMEOUT, command, eventually, send_json};

/// Calls over REST, in two protocols, and over gRPC, in one worker: none returns before all are
/// there.
#[test]
fn calls_of_one_worker_overlap() {
    let server = command("awaits.Meeting")
        .args(["--worker-pool", "shared", "--grpc-port", "0"])
        .env("GRPC_WORKERS", "1")
        .start()
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let body = json!({"inputs": [{
                    "name": "x", "shape": [1, 2], "datatype": "FP64", "data": [1.5, 2.0],
                }]});
                let path = "/v2/models/awaits.Meeting/infer";
                let (status, body) = send_json(&server, &Request::json(path, body.to_string()));
                assert_eq!(status, 200, "{body}");
                assert_eq!(body["outputs"][0]["data"], json!([3.0, 4.0]));
            });
            scope.spawn(|| {
                let body = json!({"data": {"ndarray": [[1.5, 2.0]]}}).to_string();
                let (status, body) = send_json(&server, &Request::json("/predict", body));
                assert_eq!(status, 200, "{body}");
                assert_eq!(body["data"]["ndarray"], json!([[3.0, 4.0]]));
                assert_eq!(body["meta"]["tags"], json!({"calls": 6}));
            });
            scope.spawn(|| {
                let message = predict(server.grpc_address(), tensor([1, 2], &[1.5, 2.0])).unwrap();
                assert_eq!(values(&message), (&[1, 2][..], &[3.0, 4.0][..]));
            });
        }
    });
}

#[test]
fn calls_are_cancelled_at_their_deadline_and_when_their_caller_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let parameters = json!([
        {"name": "folder", "value": folder.path(), "type": "STRING"}
    ]);
    let server = command("awaits.Meeting")
        .env("PREDICTIVE_UNIT_PARAMETERS", parameters.to_string())
        .args(["--grpc-port", "0"])
        .env("GRPC_WORKERS", "1")
        .start()
        .unwrap();
    let happened = |what: &str| {
        let file = folder.path().join(what);
        eventually(what, || file.exists());
    };

    let request = Request::json("/predict", json!({"strData": "left"}).to_string());
    let connection = request.begin(server.address(), TIMEOUT).unwrap();
    happened("entered-left");
    drop(connection);
    happened("cancelled-left");

    let message = SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::StrData("late".into())),
        ..SeldonMessage::default()
    };
    let late = predict_with(server.grpc_address(), message, &[("grpc-timeout", "300m")]);
    assert_eq!(late.unwrap_err().code(), tonic::Code::DeadlineExceeded);
    happened("cancelled-late");
}
