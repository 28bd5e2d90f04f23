//! `PAYLOAD_PASSTHROUGH`: bodies that are not decoded.

use streeling_testkit::{Request, Server};

use crate::support::{command, send_json};

fn server(class: &str) -> Server {
    command(&format!("passthrough.{class}"))
        .env("PAYLOAD_PASSTHROUGH", "true")
        .start()
        .unwrap()
}

fn post(path: &str, body: Vec<u8>) -> Request {
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    Request {
        headers,
        ..Request::json(path, body)
    }
}

/// Not JSON, not UTF-8, and longer than any buffer on the way.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i % 251) as u8).collect()
}

#[test]
fn raw_method_gets_the_very_bytes_and_its_bytes_go_out() {
    let server = server("Raw");
    for size in [0, 1, 5000, 3_000_000] {
        for path in ["/predict", "/api/v1.0/predictions", "/api/v0.1/predictions"] {
            let response = server.send(&post(path, bytes(size))).unwrap();
            assert_eq!(response.status, 200);
            assert_eq!(response.headers["content-type"], "application/json");
            let mut expected = bytes(size);
            expected.reverse();
            assert!(response.body == expected, "{size} bytes at {path}");
        }
    }
}

#[test]
fn method_named_after_the_transport_comes_first() {
    let server = server("Rest");
    let response = server.send(&post("/predict", b"body".to_vec())).unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.body, b"rest: body");
}

#[test]
fn plain_method_gets_them_too_and_other_methods_are_as_ever() {
    let server = server("Plain");
    let response = server.send(&post("/predict", bytes(10))).unwrap();
    assert_eq!(
        String::from_utf8(response.body).unwrap(),
        "bytes of 10, names []"
    );
    let request = Request::json("/transform-input", r#"{"strData":"a"}"#);
    assert_eq!(send_json(&server, &request).1["strData"], "a");
}

#[test]
fn result_that_is_no_bytes_is_an_error_that_says_so() {
    let (status, error) = send_json(&server("Odd"), &post("/predict", bytes(10)));
    assert_eq!(status, 500);
    let info = error["status"]["info"].as_str().unwrap();
    assert!(info.contains("bytes or str, not dict"), "{info}");
    let (status, error) = send_json(&server("Nothing"), &post("/predict", bytes(10)));
    assert_eq!(
        (status, &error["status"]["reason"]),
        (400, &"MICROSERVICE_BAD_DATA".into())
    );
}
