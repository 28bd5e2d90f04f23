//! What observers get to know.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::{PREDICT, Server, framed_command, post, within};

#[tokio::test(start_paused = true)]
async fn a_request_with_its_id_its_sizes_and_its_stages() {
    let server = Server::start();
    let body = framed_command("hello");
    let size = body.len() as u64;
    let mut request = post(PREDICT, body);
    let headers = request.headers_mut();
    headers.insert("x-request-id", "id-1".parse().unwrap());
    headers.insert("user-agent", "u/1".parse().unwrap());
    let reply = server.connect().await.call(request).await;
    let seen = server.recorder.last().await;
    assert_eq!((seen.transport, seen.label), ("grpc", "predict"));
    assert_eq!((seen.id.as_str(), seen.operation), ("id-1", PREDICT));
    assert_eq!((seen.code.as_str(), seen.is_fault), ("OK", false));
    assert_eq!((seen.received, seen.sent), (size, reply.body.len() as u64));
    assert_eq!(seen.stages, ["decode", "component", "encode"]);
    let info = seen.info;
    assert_eq!((&*info.method, info.target.as_str()), ("POST", PREDICT));
    assert_eq!(
        (info.protocol, info.host.as_deref()),
        ("HTTP/2.0", Some("x"))
    );
    assert_eq!(info.agent.as_deref(), Some("u/1"));
    assert!(info.peer.unwrap().ip().is_loopback());
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_response_has_its_operation_and_code() {
    let server = Server::start();
    for command in ["kind QueueFull", "kind WorkerLost", "grpc 5", "panic now"] {
        server.command(command).await.unwrap_err();
    }
    let mut client = server.connect().await;
    for path in [
        "/seldon.protos.Model/Metadata",
        "/seldon.protos.Seldon/GraphMetadata",
    ] {
        client.call(post(path, vec![0; 5])).await;
    }
    client
        .call(post("/no.such.Service/Method", Vec::new()))
        .await;
    let plain = Request::post("http://x/").body(Full::new(Bytes::new()));
    client.call(plain.unwrap()).await;
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

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_seen() {
    let server = Server::start();
    let mut client = server.connect().await;
    tokio::select! {
        _ = client.send(post(PREDICT, framed_command("sleep 60000"))) => unreachable!("it sleeps"),
        () = server.model.started.reached(1) => {}
    }
    drop(client);
    let seen = within(server.recorder.last()).await;
    assert_eq!(
        (seen.label, seen.code.as_str(), seen.sent),
        ("predict", "CANCELLED", 0)
    );
}
