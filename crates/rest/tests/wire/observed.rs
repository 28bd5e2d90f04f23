//! What observers get to know.

use streeling_testkit::Seen;

use crate::support::{Server, post};

#[tokio::test(start_paused = true)]
async fn a_request_with_its_id_its_sizes_and_its_stages() {
    let server = Server::start();
    let body = r#"{"strData":"hello"}"#;
    let request = format!(
        "POST /api/v1.0/predictions?a=b HTTP/1.1\r\nhost: here:1\r\nseldon-puid: puid-1\r\n\
         x-request-id: other\r\nreferer: r\r\nuser-agent: u/1\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let reply = server.call(&request).await;
    let seen = server.recorder.last().await;
    let peer = seen.info.peer.unwrap();
    assert!(peer.ip().is_loopback());
    let expected = Seen {
        transport: "rest",
        id: "puid-1".to_owned(),
        label: "predict",
        operation: "Predict",
        code: "200".to_owned(),
        is_fault: false,
        received: body.len() as u64,
        sent: reply.body.len() as u64,
        stages: vec!["decode", "component", "encode"],
        info: streeling_core::RequestInfo {
            method: "POST".into(),
            target: "/api/v1.0/predictions?a=b".to_owned(),
            protocol: "HTTP/1.1",
            host: Some("here:1".to_owned()),
            peer: Some(peer),
            referer: Some("r".to_owned()),
            agent: Some("u/1".to_owned()),
        },
    };
    assert_eq!(seen, expected);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_response_has_its_operation_and_code() {
    let server = Server::start();
    for target in ["/health/ping", "/metadata", "/seldon.json", "/nowhere"] {
        server.get(target).await;
    }
    server.get("/api/v1.0/predictions").await;
    server.command("kind QueueFull").await;
    server.command("http 418").await;
    server.command("panic now").await;
    server.post("/predict", "{").await;
    server
        .call("HEAD /health/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    assert_eq!(server.recorder.seen().last().map(|seen| seen.sent), Some(0));
    let seen: Vec<_> = server
        .recorder
        .seen()
        .into_iter()
        .map(|seen| (seen.label, seen.code, seen.is_fault))
        .collect();
    let expected = [
        ("ping", "200", false),
        ("metadata", "200", false),
        ("openapi", "200", false),
        ("none", "404", false),
        ("predict", "405", false),
        ("predict", "503", true),
        ("predict", "418", false),
        ("predict", "500", true),
        ("predict", "400", false),
        ("ping", "200", false),
    ];
    assert_eq!(
        seen,
        expected.map(|(label, code, fault)| (label, code.to_owned(), fault))
    );
}

#[tokio::test(start_paused = true)]
async fn requests_without_an_id_are_given_different_ones() {
    let server = Server::start();
    server.command("a").await;
    server.command("b").await;
    let ids: Vec<_> = server.recorder.seen().into_iter().map(|s| s.id).collect();
    assert_eq!(ids.len(), 2);
    assert!(
        ids[0] != ids[1] && ids.iter().all(|id| id.len() == 32),
        "{ids:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_seen() {
    let server = Server::start();
    let mut client = server.connect();
    let order = r#"{"strData":"sleep 60000"}"#;
    client
        .send(post("/predict", "application/json", order))
        .await;
    server.model.started.reached(1).await;
    assert_eq!(server.recorder.seen(), []);
    drop(client);
    let seen = server.recorder.last().await;
    assert_eq!(
        (seen.label, seen.code.as_str(), seen.sent),
        ("predict", "499", 0)
    );
}
