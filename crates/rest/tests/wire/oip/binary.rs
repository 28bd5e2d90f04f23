use serde_json::{Value, json};

use super::{INFER, failure, infer, server};
use crate::support::{Reply, Server};

/// A request with raw tensors behind its JSON; `length` is what the header says.
async fn raw(server: &Server, length: &str, json: &str, binary: &[u8]) -> Reply {
    let mut client = server.connect();
    let head = format!(
        "POST {INFER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\n\
         Inference-Header-Content-Length: {length}\r\ncontent-length: {}\r\n\r\n{json}",
        json.len() + binary.len()
    );
    client.send([head.as_bytes(), binary].concat()).await;
    client.receive(true).await.unwrap()
}

async fn sent(server: &Server, json: &str, binary: &[u8]) -> Reply {
    raw(server, &json.len().to_string(), json, binary).await
}

/// The JSON of a response, and the raw tensors behind it.
fn parts(reply: &Reply) -> (Value, &[u8]) {
    assert_eq!(
        reply.status,
        200,
        "{}",
        String::from_utf8_lossy(&reply.body)
    );
    assert_eq!(
        reply.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let length = reply.header("inference-header-content-length").unwrap();
    let (json, rest) = reply.body.split_at(length.parse().unwrap());
    (serde_json::from_slice(json).unwrap(), rest)
}

fn input(datatype: &str, shape: &str, size: &str, rest: &str) -> String {
    format!(
        r#"{{"inputs":[{{"name":"x","datatype":"{datatype}","shape":{shape},
            "parameters":{{"binary_data_size":{size}}}}}]{rest}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn raw_tensors_go_there_and_back() {
    let server = server();
    let floats: Vec<u8> = [0.1_f32, -2.0, 3.5, 4.0].map(f32::to_le_bytes).concat();
    let wanted = r#","parameters":{"binary_data_output":true}"#;
    let reply = sent(&server, &input("FP32", "[2,2]", "16", wanted), &floats).await;
    let (json, rest) = parts(&reply);
    assert_eq!(rest, floats);
    let expected = json!([{"name": "predict", "datatype": "FP32", "shape": [2, 2],
                           "parameters": {"binary_data_size": 16}}]);
    assert_eq!(json["outputs"], expected);
    // Such wishes are no parameters of the component's.
    assert_eq!(json.get("parameters"), None);

    let one = r#","outputs":[{"name":"y","parameters":{"binary_data":true}}]"#;
    let reply = sent(&server, &input("FP32", "[4]", "16", one), &floats).await;
    let (json, rest) = parts(&reply);
    assert_eq!(
        (rest, &json["outputs"][0]["name"]),
        (&floats[..], &json!("y"))
    );

    // Without a wish it is JSON.
    let reply = sent(&server, &input("FP32", "[4]", "16", ""), &floats).await;
    assert_eq!(
        reply.json()["outputs"][0]["data"],
        json!([0.1, -2.0, 3.5, 4.0])
    );
    assert_eq!(reply.header("inference-header-content-length"), None);

    // And JSON may be responded to with raw bytes.
    let body = format!(
        r#"{{"inputs":[{{"name":"x","datatype":"BYTES","shape":[2],"data":["a","é"]}}]{wanted}}}"#
    );
    let reply = infer(&server, &body).await;
    let (json, rest) = parts(&reply);
    assert_eq!(rest, "\x01\0\0\0a\x02\0\0\0é".as_bytes());
    let parameters = json!({"binary_data_size": 11, "content_type": "str"});
    assert_eq!(json["outputs"][0]["parameters"], parameters);
}

#[tokio::test(start_paused = true)]
async fn bfloat16_and_half_floats_are_raw() {
    let server = server();
    let reply = sent(
        &server,
        &input("BF16", "[2]", "4", ""),
        &[0x80, 0x3f, 0x20, 0xc0],
    )
    .await;
    let output = &reply.json()["outputs"][0];
    assert_eq!(
        (&output["datatype"], &output["data"]),
        (&json!("FP32"), &json!([1.0, -2.5]))
    );
    let wanted = r#","parameters":{"binary_data_output":true}"#;
    let halves = [0, 0x3c, 0, 0xc1];
    let reply = sent(&server, &input("FP16", "[2]", "4", wanted), &halves).await;
    let (json, rest) = parts(&reply);
    assert_eq!(
        (&json["outputs"][0]["datatype"], rest),
        (&json!("FP16"), &halves[..])
    );
}

#[tokio::test(start_paused = true)]
async fn sizes_that_lie_are_named() {
    let server = server();
    let started = server.model.started.get();
    for (json, binary, expected) in [
        (
            input("INT16", "[2]", "4", ""),
            &[0; 3][..],
            "is 4, but only 3 bytes are left",
        ),
        (
            input("INT16", "[2]", "4", ""),
            &[0; 6],
            "2 bytes are left behind the tensors",
        ),
        (
            input("INT16", "[2]", "6", ""),
            &[0; 6],
            "takes 4 bytes, found 6",
        ),
        (
            input("INT16", "[2]", "-4", ""),
            &[0; 4],
            "must be a number of bytes",
        ),
        (
            input("INT16", "[2]", "true", ""),
            &[0; 4],
            "must be a number of bytes",
        ),
        (
            input("BYTES", "[1]", "6", ""),
            b"\x09\0\0\0hi",
            "claims 9 bytes, 2 are left",
        ),
        (
            input("BYTES", "[1]", "3", ""),
            b"\x09\0\0",
            "ends within the length of element 0",
        ),
        (
            input("BYTES", "[2]", "6", ""),
            b"\x02\0\0\0hi",
            "takes 2 elements, found 1",
        ),
        (
            input("BOOL", "[1]", "1", ""),
            b"\x02",
            "allowed are 0 and 1",
        ),
        (
            input("FP32", "[0,2]", "0", ""),
            b"",
            "input \"x\" has no rows",
        ),
    ] {
        let info = failure(&sent(&server, &json, binary).await, 400);
        assert!(info.contains(expected), "{json}: {info}");
    }
    let json = input("INT16", "[2]", "4", "");
    for (length, expected) in [
        ("1000", "is 1000, the body has"),
        ("x", "must be a number of bytes"),
        ("-1", "must be a number of bytes"),
        ("5", "no valid JSON"),
    ] {
        let info = failure(&raw(&server, length, &json, &[0; 4]).await, 400);
        assert!(info.contains(expected), "{length}: {info}");
    }
    let info = failure(&raw(&server, "0", "", &[0; 4]).await, 501);
    assert!(
        info.contains("does not know the name, shape and datatype"),
        "{info}"
    );
    assert_eq!(server.model.started.get(), started);
}

#[tokio::test(start_paused = true)]
async fn large_raw_tensors_are_served() {
    let server = server();
    let floats: Vec<u8> = (0..150_528)
        .flat_map(|value: u32| (value as f32).to_le_bytes())
        .collect();
    let wanted = r#","parameters":{"binary_data_output":true}"#;
    let json = input("FP32", "[1,3,224,224]", &floats.len().to_string(), wanted);
    let reply = sent(&server, &json, &floats).await;
    assert!(parts(&reply).1 == floats);
}
