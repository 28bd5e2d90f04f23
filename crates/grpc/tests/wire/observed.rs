//! What observers are told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{PREDICT, Server, framed_order, post};

#[tokio::test]
async fn a_request_with_its_id_its_sizes_and_its_stages() {
    let server = Server::start();
    let order = framed_order("hello");
    let size = order.len() as u64;
    let mut request = post(PREDICT, order);
    let headers = request.headers_mut();
    headers.insert("x-request-id", "id-1".parse().unwrap());
    headers.insert("user-agent", "u/1".parse().unwrap());
    let reply = server.connect().await.ask(request).await;
    let seen = server.recorder.last().await;
    assert_eq!((seen.transport, seen.label), ("grpc", "predict"));
    assert_eq!((seen.id.as_str(), seen.operation), ("id-1", PREDICT));
    assert_eq!((seen.code.as_str(), seen.is_fault), ("OK", false));
    assert_eq!((seen.received, seen.sent), (size, reply.body.len() as u64));
    assert_eq!(seen.stages, ["decode", "component", "encode"]);
    let head = seen.head;
    assert_eq!((&*head.verb, head.target.as_str()), ("POST", PREDICT));
    assert_eq!(
        (head.protocol, head.host.as_deref()),
        ("HTTP/2.0", Some("x"))
    );
    assert_eq!(head.agent.as_deref(), Some("u/1"));
    assert!(head.peer.unwrap().ip().is_loopback());
}

#[tokio::test]
async fn every_kind_of_answer_has_its_subject_and_code() {
    let server = Server::start();
    for order in ["kind QueueFull", "kind WorkerLost", "grpc 5", "panic now"] {
        server.order(order).await.unwrap_err();
    }
    let mut client = server.connect().await;
    for path in [
        "/seldon.protos.Model/Metadata",
        "/seldon.protos.Seldon/GraphMetadata",
    ] {
        client.ask(post(path, vec![0; 5])).await;
    }
    client.ask(post("/nobody.Knows/It", Vec::new())).await;
    let plain = Request::post("http://x/").body(Full::new(Bytes::new()));
    client.ask(plain.unwrap()).await;
    let mut health = HealthClient::new(server.channel().await);
    health.check(HealthCheckRequest::default()).await.unwrap();
    let seen: Vec<_> = server
        .recorder
        .seen()
        .into_iter()
        .map(|seen| (seen.label, seen.code, seen.is_fault))
        .collect();
    let expected = [
        ("predict", "RESOURCE_EXHAUSTED", true),
        ("predict", "UNAVAILABLE", true),
        ("predict", "NOT_FOUND", false),
        ("predict", "UNKNOWN", true),
        ("metadata", "OK", false),
        ("graph_metadata", "UNIMPLEMENTED", false),
        ("none", "UNIMPLEMENTED", false),
        ("none", "415", false),
        ("grpc_health", "OK", false),
    ];
    assert_eq!(
        seen,
        expected.map(|(label, code, fault)| (label, code.to_owned(), fault))
    );
}

#[tokio::test]
async fn a_client_that_leaves_is_seen() {
    let server = Server::start();
    let mut client = server.connect().await;
    let component = server.component.clone();
    tokio::select! {
        _ = client.send(post(PREDICT, framed_order("sleep 60000"))) => unreachable!("it sleeps"),
        () = async {
            while component.started.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    drop(client);
    let seen = server.recorder.last().await;
    assert_eq!(
        (seen.label, seen.code.as_str(), seen.sent),
        ("predict", "CANCELLED", 0)
    );
}
