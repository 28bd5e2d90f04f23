//! Methods that take raw messages.

use serde_json::{Value, json};
use streeling_proto::seldon::protos::{
    DefaultData, SeldonMessage, default_data::DataOneof, seldon_message,
};
use streeling_proto::tensorflow::TensorProto;
use streeling_testkit::Request;

use crate::grpc_client::predict;
use crate::support::{command, send_json};

fn sent(content_type: &str, body: &str) -> Request {
    Request {
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        ..Request::json("/predict", body)
    }
}

#[test]
fn any_json_goes_in_and_out() {
    let server = command("raw.AnyJson").start().unwrap();
    let json_body = |body| sent("application/json", body);
    let form = "application/x-www-form-urlencoded";
    let part =
        "--x\r\nContent-Disposition: form-data; name=\"instances\"\r\n\r\n[[1]]\r\n--x--\r\n";
    let extra = r#"{"data":{"ndarray":[1]},"extra":5}"#;
    for (request, got, kind) in [
        (json_body(r#"{"text":"hi"}"#), json!({"text": "hi"}), "dict"),
        (json_body("[1,2]"), json!([1, 2]), "list"),
        (json_body("5"), json!(5), "int"),
        (
            json_body(extra),
            serde_json::from_str(extra).unwrap(),
            "dict",
        ),
        (json_body("{}"), json!({}), "dict"),
        (
            sent(form, "json=%7B%22a%22%3A1%7D"),
            json!({"a": 1}),
            "dict",
        ),
        (
            sent("multipart/form-data; boundary=x", part),
            json!({"instances": [[1]]}),
            "dict",
        ),
        (
            sent("multipart/form-data; boundary=x", ""),
            json!({}),
            "dict",
        ),
    ] {
        let expected = json!({"got": got, "type": kind});
        assert_eq!(send_json(&server, &request), (200, expected));
    }
    let (status, error) = send_json(&server, &json_body("{bad"));
    assert_eq!(status, 400);
    assert_eq!(error["status"]["info"], "Can't find JSON in data");
}

#[test]
fn a_text_may_be_called_status() {
    let server = command("raw.StatusText").start().unwrap();
    let expected: Value = json!({"status": "success", "predictions": [1, 2]});
    let request = sent("application/json", "{}");
    assert_eq!(send_json(&server, &request), (200, expected));
}

#[test]
fn over_grpc_the_very_message_comes_back() {
    let server = command("raw.Same")
        .env("GRPC_WORKERS", "1")
        .env("PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "0")
        .start()
        .unwrap();
    let tensor = TensorProto {
        dtype: 1,
        version_number: 3,
        float_val: vec![0.1, 0.2, 0.7],
        ..TensorProto::default()
    };
    let message = SeldonMessage {
        data_oneof: Some(seldon_message::DataOneof::Data(DefaultData {
            names: vec!["p".to_owned()],
            data_oneof: Some(DataOneof::Tftensor(tensor)),
        })),
        ..SeldonMessage::default()
    };
    for message in [message, SeldonMessage::default()] {
        let response = predict(server.grpc_address(), message.clone()).unwrap();
        assert_eq!(response, message);
    }
}
