//! Texts of a component that are no Unicode, or too long, and payloads that would take too much.

use prost_types::value::Kind;
use prost_types::{ListValue, Value as Element};
use serde_json::{Value, json};
use streeling_proto::seldon::protos::default_data::DataOneof as Layout;
use streeling_proto::seldon::protos::seldon_message::DataOneof;
use streeling_proto::seldon::protos::{DefaultData, SeldonMessage};
use streeling_testkit::{Request, Server};
use tonic::Code;

use crate::grpc_client::predict;
use crate::metrics::scrape;
use crate::support::{command, send_json};

/// The largest text of an exception that leaves a worker, in characters.
const LONGEST: usize = 1 << 16;

fn text(server: &Server, text: &str) -> (u16, Value) {
    let body = json!({"strData": text}).to_string();
    send_json(server, &Request::json("/predict", body))
}

#[test]
fn half_of_a_surrogate_pair_in_an_exception_arrives_escaped() {
    let server = command("Texts").start().unwrap();
    let (status, body) = text(&server, "raise");
    assert_eq!(
        (status, &body["status"]["info"]),
        (500, &json!(r"a\ud800b"))
    );
    server.wait_for_log(r"ValueError: a\ud800b");
    let (status, body) = text(&server, "custom");
    let status_of = &body["status"];
    assert_eq!(
        (status, &status_of["info"], &status_of["reason"]),
        (409, &json!(r"a\ud800b"), &json!(r"a\ud800b"))
    );
}

/// The bytes of a response, since such text is none to Rust.
fn bytes(server: &Server, text: &str) -> (u16, String) {
    let body = json!({"strData": text}).to_string();
    let response = server.send(&Request::json("/predict", body)).unwrap();
    (response.status, String::from_utf8(response.body).unwrap())
}

#[test]
fn half_of_a_surrogate_pair_elsewhere_loses_nothing() {
    let server = command("Texts").start().unwrap();
    for (what, expected) in [
        ("text", r#""strData":"a\ud800b""#),
        ("json", r#""value":"a\ud800b""#),
        ("list", r#""names":["a\ud800b","c"]"#),
        ("list", r#"[["a\ud800b","c"]]"#),
        ("tags", r#""tag":"a\ud800b""#),
        ("tags", r#""a\\ud800b":1"#),
    ] {
        let (status, body) = bytes(&server, what);
        assert_eq!(status, 200, "{what}: {body}");
        assert!(body.contains(expected), "{what}: {body}");
    }
    assert_eq!(bytes(&server, "print").0, 200);
    assert_eq!(server.wait_for_output("a\\"), r"a\ud800b");
    assert_eq!(bytes(&server, "log").0, 200);
    server.wait_for_log(r"logged a\ud800b");
    let (status, body) = bytes(&server, "metrics");
    assert_eq!(status, 200, "{body}");
    let scraped = scrape(&server);
    assert!(scraped.contains(r#"a="a\\ud800b""#), "{scraped}");
}

#[test]
fn the_text_of_an_exception_is_cut_before_it_leaves_the_worker() {
    let server = command("Texts").start().unwrap();
    let (status, body) = text(&server, "long");
    assert_eq!(status, 500);
    let info = body["status"]["info"].as_str().unwrap();
    assert!(info.starts_with(&"x".repeat(LONGEST)), "{}", info.len());
    let end = format!("… ({} characters more)", 50_000_000 - LONGEST);
    assert!(info.ends_with(&end), "{}", &info[info.len() - 60..]);
    assert_eq!(info.len(), LONGEST + end.len());
    let longest = server.log().iter().map(String::len).max().unwrap();
    assert!(longest < 3 * LONGEST, "{longest}");
}

/// An array of so many short texts and a long one.
fn array(long: usize, short: usize) -> String {
    let texts = [vec!["x".repeat(long)], vec!["a".to_owned(); short]].concat();
    json!({"data": {"ndarray": texts}}).to_string()
}

#[test]
fn an_array_of_text_is_refused_before_it_takes_the_memory() {
    let server = command("Texts").start().unwrap();
    let (status, body) = send_json(&server, &Request::json("/predict", array(1 << 20, 2000)));
    let status_of = &body["status"];
    assert_eq!(status, 400, "{body}");
    assert_eq!(status_of["reason"], "MICROSERVICE_BAD_DATA");
    let expected = "an array of 2001 elements, the longest of 1048576 characters, would take \
                    8392802304 bytes of memory, 1073741824 are allowed (--max-decoded-size, \
                    STREELING_MAX_DECODED_SIZE)";
    assert_eq!(status_of["info"], expected);
    // Within the bound it is served.
    let (status, body) = send_json(&server, &Request::json("/predict", array(1 << 10, 2000)));
    assert_eq!(status, 200, "{body}");
}

#[test]
fn the_bound_is_a_setting_and_holds_for_all_that_json_becomes() {
    let server = command("Texts")
        .args(["--max-decoded-size", "1 MiB"])
        .start()
        .unwrap();
    let objects = format!("[{}{{}}]", "{},".repeat(50_000));
    for body in [
        format!("{{\"jsonData\":{objects}}}"),
        format!("{{\"data\":{{\"ndarray\":{objects}}}}}"),
        format!("{{\"data\":{{\"names\":{objects},\"ndarray\":[[1]]}}}}"),
        array(2000, 200),
    ] {
        let (status, body) = send_json(&server, &Request::json("/predict", body));
        assert_eq!(status, 400, "{body}");
        let info = body["status"]["info"].as_str().unwrap();
        assert!(
            info.contains("1048576 are allowed (--max-decoded-size"),
            "{info}"
        );
    }
    let (status, _) = send_json(&server, &Request::json("/predict", array(100, 200)));
    assert_eq!(status, 200);
}

#[test]
fn over_grpc_it_is_an_invalid_argument() {
    let server = command("Texts")
        .env("GRPC_WORKERS", "1")
        .args(["--max-decoded-size", "1 MiB"])
        .start_grpc()
        .unwrap();
    let texts = [vec!["x".repeat(2000)], vec!["a".to_owned(); 200]].concat();
    let values = texts.into_iter().map(|text| Element {
        kind: Some(Kind::StringValue(text)),
    });
    let message = SeldonMessage {
        data_oneof: Some(DataOneof::Data(DefaultData {
            data_oneof: Some(Layout::Ndarray(ListValue {
                values: values.collect(),
            })),
            ..DefaultData::default()
        })),
        ..SeldonMessage::default()
    };
    let status = predict(server.grpc_address(), message).unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("--max-decoded-size"),
        "{}",
        status.message()
    );
}
