//! Each row of the error table, as a client sees it.

use std::time::Duration;

use streeling_codec::seldon::reason;
use streeling_core::ErrorKind;
use streeling_rest::Config;

use crate::support::{Server, config, post};

#[tokio::test(start_paused = true)]
async fn every_kind() {
    let server = Server::start();
    let mut seen = 0;
    for (kind, status, retry_after) in [
        (ErrorKind::BadData, 400, None),
        (ErrorKind::Unauthenticated, 401, None),
        (ErrorKind::UnknownModel, 404, None),
        (ErrorKind::NotImplemented, 400, None),
        (ErrorKind::Component, 500, None),
        (ErrorKind::BadMetric, 500, None),
        (ErrorKind::BadMetadata, 500, None),
        (ErrorKind::TooLarge, 413, None),
        (ErrorKind::QueueFull, 503, Some("1")),
        (ErrorKind::MemoryFull, 503, Some("1")),
        (ErrorKind::WorkerLost, 503, None),
        (ErrorKind::NotReady, 503, None),
        (ErrorKind::Deadline, 504, None),
        (ErrorKind::Internal, 500, None),
    ] {
        let reply = server.command(&format!("kind {kind:?}")).await;
        let info = reply.failure(status, reason(kind));
        assert_eq!(info, format!("failed as scripted: {kind:?} \"é\n"));
        assert_eq!(reply.header("retry-after"), retry_after, "{kind:?}");
        seen += 1;
    }
    assert_eq!(seen, ErrorKind::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn component_chooses_status_and_reason() {
    let server = Server::start();
    for (chosen, status) in [
        ("418", 418),
        ("599", 599),
        ("99", 500),
        ("150", 500),
        ("600", 500),
    ] {
        let reply = server.command(&format!("http {chosen}")).await;
        assert_eq!(reply.status, status);
        let json = reply.json();
        assert_eq!(json["status"]["reason"], "OWN_REASON");
        assert_eq!(json["status"]["code"], 7);
    }
}

#[tokio::test(start_paused = true)]
async fn status_in_a_response() {
    let server = Server::start();
    for code in [200, 299, 404, 599] {
        let reply = server.command(&format!("status {code}")).await;
        assert_eq!(i32::from(reply.status), code);
        assert_eq!(reply.json()["status"]["code"], code);
        assert_eq!(reply.json()["status"]["info"], "as returned");
    }
    assert_eq!(server.command("status 0").await.status, 200);
    assert_eq!(server.command("status 204").await.status, 204);
    for code in [-1, 99, 100, 101, 600, 100_000] {
        let reply = server.command(&format!("status {code}")).await;
        let info = reply.failure(500, "MICROSERVICE_INTERNAL_ERROR");
        assert!(info.contains(&code.to_string()), "{info}");
    }
}

#[tokio::test(start_paused = true)]
async fn panic_costs_one_request() {
    let server = Server::start();
    let mut client = server.connect();
    let request = |text| {
        post(
            "/predict",
            "application/json",
            &format!(r#"{{"strData":"{text}"}}"#),
        )
    };
    let info = client
        .call(&request("panic out of cheese"))
        .await
        .failure(500, "MICROSERVICE_INTERNAL_ERROR");
    assert_eq!(info, "the component panicked: out of cheese");
    assert_eq!(client.call(&request("a")).await.text(), "echo a");
}

#[tokio::test(start_paused = true)]
async fn not_ready_yet() {
    let server = Server::start();
    server.ready.send(false).unwrap();
    for path in ["/health/status", "/metadata", "/predict?json=1"] {
        server
            .get(path)
            .await
            .failure(503, "MICROSERVICE_NOT_READY");
    }
    server
        .command("a")
        .await
        .failure(503, "MICROSERVICE_NOT_READY");
    assert_eq!(server.get("/health/ping").await.body, b"pong");
    assert_eq!(server.get("/seldon.json").await.status, 200);
    assert_eq!(server.get("/nothing").await.status, 404);
    assert_eq!(server.model.started.get(), 0);
    server.ready.send(true).unwrap();
    assert_eq!(server.command("a").await.text(), "echo a");
}

#[tokio::test(start_paused = true)]
async fn deadline_passes_and_drops_the_call() {
    let server = Server::with(&Config {
        timeout: Some(Duration::from_millis(200)),
        ..config()
    });
    let mut client = server.connect();
    let request = post(
        "/predict",
        "application/json",
        r#"{"strData":"sleep 10000"}"#,
    );
    let info = client
        .call(&request)
        .await
        .failure(504, "MICROSERVICE_DEADLINE_EXCEEDED");
    assert_eq!(info, "no response within 200 ms");
    assert_eq!(server.model.dropped.get(), 1);
    let request = post("/predict", "application/json", r#"{"strData":"a"}"#);
    assert_eq!(client.call(&request).await.text(), "echo a");
}

#[tokio::test(start_paused = true)]
async fn client_that_leaves_drops_the_call() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .send(post(
            "/predict",
            "application/json",
            r#"{"strData":"sleep 60000"}"#,
        ))
        .await;
    server.model.started.reached(1).await;
    drop(client);
    server.model.dropped.reached(1).await;
}
