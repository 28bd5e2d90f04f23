//! The ways to bring JSON, and the limits of a body.

use std::time::Duration;

use serde_json::json;
use streeling_rest::Config;

use crate::support::{Server, config, post};

const QUERY: &str = "/predict?json=%7B%22strData%22%3A%22of+query%22%7D";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test(start_paused = true)]
async fn ways_to_bring_json_and_their_order() {
    let server = Server::start();
    let body = r#"{"strData":"of body"}"#;
    let form = "other=1&json=%7B%22strData%22%3A%22of%20form%22%7D&json=2";
    assert_eq!(server.get(QUERY).await.text(), "echo of query");
    for (target, content_type, body, expected) in [
        ("/predict", "application/json", body, "echo of body"),
        (
            "/predict",
            "Application/JSON; charset=utf-8",
            body,
            "echo of body",
        ),
        ("/predict", "application/vnd.x+json", body, "echo of body"),
        ("/predict?json=", "application/json", body, "echo of body"),
        (QUERY, "application/json", body, "echo of query"),
        (QUERY, "text/plain", "", "echo of query"),
        ("/predict", FORM, form, "echo of form"),
        (QUERY, FORM, form, "echo of form"),
        (QUERY, FORM, "json=", "echo of query"),
        (QUERY, FORM, "other=1", "echo of query"),
    ] {
        let reply = server.call(&post(target, content_type, body)).await;
        assert_eq!(reply.text(), expected, "{target} {content_type}");
    }
    let request = post("/predict", "application/json", body).replacen("POST", "GET", 1);
    assert_eq!(server.call(&request).await.text(), "echo of body");
}

#[tokio::test(start_paused = true)]
async fn no_json_at_all() {
    let server = Server::start();
    for (target, content_type, body) in [
        ("/predict", "application/json", ""),
        ("/predict", "application/json", "null"),
        ("/predict", "application/json", "{\"strData\":"),
        ("/predict", "application/json", "{\"strData\":\"a\"} x"),
        ("/predict", "text/json", r#"{"strData":"a"}"#),
        ("/predict", "text/plain", r#"{"strData":"a"}"#),
        ("/predict", "\u{e9}", r#"{"strData":"a"}"#),
        ("/predict", FORM, "strData=a"),
        ("/predict", FORM, "json=%7Bbad"),
        (
            "/predict?json=bad",
            "application/json",
            r#"{"strData":"a"}"#,
        ),
        ("/send-feedback", "application/json", ""),
        ("/aggregate", "application/json", "null"),
    ] {
        let reply = server.call(&post(target, content_type, body)).await;
        let info = reply.failure(400, "MICROSERVICE_BAD_DATA");
        assert_eq!(
            info, "Can't find JSON in data",
            "{target} {content_type} {body}"
        );
    }
    let info = server
        .get("/predict")
        .await
        .failure(400, "MICROSERVICE_BAD_DATA");
    assert_eq!(info, "Can't find JSON in data");
    let mut client = server.connect();
    client
        .send(
            "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 15\r\n\r\n",
        )
        .await;
    client.send(b"{\"strData\":\"\xff\"}").await;
    let info = client
        .receive(true)
        .await
        .unwrap()
        .failure(400, "MICROSERVICE_BAD_DATA");
    assert_eq!(info, "Can't find JSON in data");
}

#[tokio::test(start_paused = true)]
async fn json_without_a_payload() {
    let server = Server::start();
    for body in ["{}", "[]", "3", "\"x\"", "true", r#"{"meta":{}}"#] {
        let info = server
            .post("/predict", body)
            .await
            .failure(400, "MICROSERVICE_BAD_DATA");
        assert_eq!(info, format!("Invalid request data type: {body}"));
    }
    let info = server
        .get("/predict?json=null")
        .await
        .failure(400, "MICROSERVICE_BAD_DATA");
    assert_eq!(info, "Invalid request data type: null");
    let info = server
        .post("/send-feedback", r#"{"foo":1}"#)
        .await
        .failure(400, "MICROSERVICE_BAD_DATA");
    assert!(
        info.starts_with("Invalid JSON: ") && info.contains("foo"),
        "{info}"
    );
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    server
        .post("/predict", &format!(r#"{{"jsonData":{deep}}}"#))
        .await
        .failure(400, "MICROSERVICE_BAD_DATA");
}

fn multipart(parts: &[(&str, &str)]) -> String {
    let mut body = String::new();
    for (disposition, content) in parts {
        body.push_str("--frontier\r\nContent-Disposition: form-data; ");
        body.push_str(&format!("{disposition}\r\n\r\n{content}\r\n"));
    }
    body + "--frontier--\r\n"
}

#[tokio::test(start_paused = true)]
async fn multipart_parts_become_fields() {
    let server = Server::start();
    let text = r#"name="strData""#;
    let own = "multipart/form-data; boundary=frontier";
    for (parts, field, expected) in [
        (
            vec![(text, "a \"quote\"\n")],
            "strData",
            json!("echo a \"quote\"\n"),
        ),
        (vec![(text, "a"), (text, "b")], "strData", json!("echo a")),
        (
            vec![
                (text, "a"),
                (r#"name="strData"; filename="f""#, "b"),
                (text, "c"),
            ],
            "strData",
            json!("echo b"),
        ),
        (
            vec![(r#"name="strData"; filename="""#, "a")],
            "strData",
            json!("echo a"),
        ),
        (
            vec![(r#"name="binData"; filename="f""#, "bytes")],
            "binData",
            json!("Ynl0ZXM="),
        ),
        (
            vec![(r#"name="binData""#, "\"Ynl0ZXM=\"")],
            "binData",
            json!("Ynl0ZXM="),
        ),
        (
            vec![(r#"name="jsonData""#, "{\"a\": 1}")],
            "jsonData",
            json!({"a": 1}),
        ),
        (
            vec![(r#"name="jsonData"; filename="f""#, "{}")],
            "jsonData",
            json!("{}"),
        ),
        (
            vec![(r#"name="meta""#, r#"{"puid":"p"}"#), (text, "a")],
            "meta",
            json!({"puid": "p"}),
        ),
    ] {
        // The query is not looked at.
        let reply = server.call(&post(QUERY, own, &multipart(&parts))).await;
        assert_eq!(reply.json()[field], expected, "{parts:?}");
    }
    let feedback = multipart(&[(r#"name="reward""#, "2.5")]);
    let reply = server.call(&post("/send-feedback", own, &feedback)).await;
    assert_eq!(reply.text(), "reward 2.5");
}

#[tokio::test(start_paused = true)]
async fn broken_multipart_is_refused() {
    let server = Server::start();
    let own = "multipart/form-data; boundary=frontier";
    let field = multipart(&[(r#"name="jsonData""#, "{bad")]);
    let unknown = multipart(&[(r#"name="json""#, r#"{"strData":"a"}"#)]);
    let nothing = multipart(&[]);
    let whole = multipart(&[(r#"name="strData""#, "a")]);
    for (content_type, body) in [
        (own, ""),
        (own, "x"),
        (own, &nothing),
        (own, &field),
        (own, &unknown),
        (own, &whole[..whole.len() / 2]),
        ("multipart/form-data", &whole),
        ("multipart/form-data; boundary=other", &whole),
    ] {
        let reply = server.call(&post("/predict", content_type, body)).await;
        let info = reply.failure(400, "MICROSERVICE_BAD_DATA");
        assert!(info.starts_with("Invalid request data type: "), "{info}");
    }
}

fn small() -> Server {
    Server::with(&Config {
        max_body_size: 64,
        idle_timeout: Duration::from_millis(300),
        ..config()
    })
}

#[tokio::test(start_paused = true)]
async fn limit_holds_for_claimed_and_for_streamed_bodies() {
    let server = small();
    let exact = format!("{:64}", r#"{"strData":"a"}"#);
    assert_eq!(server.post("/predict", &exact).await.text(), "echo a");

    // Refused by the claim alone: not one byte of the body is sent.
    for claim in ["65", "9223372036854775807"] {
        let head = format!(
            "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {claim}\r\n\r\n"
        );
        let info = server
            .call(&head)
            .await
            .failure(413, "MICROSERVICE_TOO_LARGE");
        assert!(info.contains("64"), "{info}");
    }

    let mut client = server.connect();
    client
        .send(
            "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
        .await;
    for _ in 0..3 {
        client.send(format!("18\r\n{}\r\n", " ".repeat(24))).await;
    }
    client
        .receive(true)
        .await
        .unwrap()
        .failure(413, "MICROSERVICE_TOO_LARGE");
    assert_eq!(server.model.started.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn refusal_is_seen_by_a_client_that_sends_on() {
    let server = small();
    let mut client = server.connect();
    let body = " ".repeat(1024 * 1024);
    client
        .send(post("/predict", "application/json", &body))
        .await;
    let reply = client.receive(true).await.unwrap();
    reply.failure(413, "MICROSERVICE_TOO_LARGE");
    // The rest was read, so the connection is good for more.
    let reply = client
        .call("GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(reply.status, 200);
}

#[tokio::test(start_paused = true)]
async fn body_that_is_expected_is_not_requested_when_refused() {
    let server = small();
    let mut client = server.connect();
    client
        .send(
            "POST /predict HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
             content-length: 1000\r\n\r\n",
        )
        .await;
    client
        .receive(true)
        .await
        .unwrap()
        .failure(413, "MICROSERVICE_TOO_LARGE");

    let body = r#"{"strData":"a"}"#;
    let mut client = server.connect();
    let request = post("/predict", "application/json", body)
        .replace("host: x", "host: x\r\nexpect: 100-continue");
    client.send(request.strip_suffix(body).unwrap()).await;
    assert_eq!(client.receive(true).await.unwrap().status, 100);
    client.send(body).await;
    assert_eq!(client.receive(true).await.unwrap().text(), "echo a");
}

#[tokio::test(start_paused = true)]
async fn chunked_body_is_put_together() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .send(
            "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n",
        )
        .await;
    for piece in [r#"{"str"#, r#"Data":""#, r#"a"}"#] {
        client
            .send(format!("{:x}\r\n{piece}\r\n", piece.len()))
            .await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.receive(true).await.unwrap().text(), "echo a");
}

#[tokio::test(start_paused = true)]
async fn body_that_stops_is_given_up() {
    let server = small();
    let mut client = server.connect();
    let request = post("/predict", "application/json", r#"{"strData":"a"}"#);
    client.send(&request[..request.len() - 1]).await;
    client
        .receive(true)
        .await
        .unwrap()
        .failure(408, "MICROSERVICE_BAD_DATA");
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn large_response_is_refused_and_large_bodies_pass() {
    let server = small();
    let info = server
        .command("repeat 100")
        .await
        .failure(413, "MICROSERVICE_TOO_LARGE");
    assert!(info.contains("the response"), "{info}");

    // Past the size from which decoding and encoding leave the reactor.
    let server = Server::start();
    let text = "a".repeat(1024 * 1024);
    assert_eq!(server.command(&text).await.text().len(), 5 + text.len());
    let broken = format!(r#"{{"strData":"{text}""#);
    let reply = server.post("/predict", &broken).await;
    assert_eq!(
        reply.failure(400, "MICROSERVICE_BAD_DATA"),
        "Can't find JSON in data"
    );
}
