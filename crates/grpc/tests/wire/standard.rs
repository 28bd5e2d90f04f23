//! Health and reflection.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use prost::Message as _;
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc};
use streeling_net::Drained;
use streeling_testkit::Harness;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::raw::{HELLO, frame, frames, head};
use crate::support::{Server, TIMEOUT, framed, post, within};
use crate::words::Words;

/// Both health messages have one field that matters here.
#[derive(Clone, PartialEq, prost::Message)]
struct HealthRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HealthResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

const SERVING: i32 = 1;
const NOT_SERVING: i32 = 2;

/// The code of a check, and the status that it found.
async fn health(server: &Server, service: &str) -> (Option<i32>, i32) {
    let request = HealthRequest {
        service: service.to_owned(),
    };
    let body = framed(&request.encode_to_vec());
    let mut client = server.connect().await;
    let reply = client
        .call(post("/grpc.health.v1.Health/Check", body))
        .await;
    let status = match reply.body.get(5..) {
        Some(message) => HealthResponse::decode(message).unwrap().status,
        None => 0,
    };
    (reply.code, status)
}

async fn becomes(server: &Server, service: &str, status: i32) {
    within(async { while health(server, service).await != (Some(0), status) {} }).await;
}

#[tokio::test(start_paused = true)]
async fn health_follows_the_load() {
    let server = Server::start();
    for service in ["", "seldon.protos.Model", "seldon.protos.Seldon"] {
        becomes(&server, service, SERVING).await;
    }
    assert_eq!(health(&server, "no.such.Service").await.0, Some(5));
    server.ready.send_replace(false);
    becomes(&server, "", NOT_SERVING).await;
}

#[tokio::test(start_paused = true)]
async fn health_may_follow_something_else() {
    let (healthy, is_healthy) = watch::channel(false);
    let server = Server::of(Harness::start(|models, observers, ready| {
        let protocols: Vec<Arc<dyn streeling_grpc::Protocol>> = vec![Arc::new(Seldon)];
        let grpc = Grpc::new(&Config::default(), protocols, models, observers, ready);
        grpc.with_health(is_healthy)
    }));
    becomes(&server, "", NOT_SERVING).await;
    server.command("ready all the same").await.unwrap();
    healthy.send_replace(true);
    becomes(&server, "", SERVING).await;
    server.ready.send_replace(false);
    assert_eq!(health(&server, "").await, (Some(0), SERVING));
}

#[tokio::test(start_paused = true)]
async fn health_says_that_the_server_ends() {
    let server = Server::start();
    let mut client = server.connect().await;
    let request = framed(&HealthRequest::default().encode_to_vec());
    let watch = client
        .send(post("/grpc.health.v1.Health/Watch", request))
        .await;
    let mut body = watch.into_body();
    let mut next = async || {
        let frame = within(body.frame()).await?;
        let data = frame.ok()?.into_data().ok()?;
        Some(HealthResponse::decode(&data[5..]).unwrap().status)
    };
    let mut seen = next().await;
    while seen == Some(NOT_SERVING) {
        seen = next().await;
    }
    assert_eq!(seen, Some(SERVING));
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    assert_eq!(next().await, Some(NOT_SERVING));
    assert_eq!(since.elapsed().as_millis(), 0);
    // The stream does not hold the end.
    assert_eq!(next().await, None);
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
    assert_eq!(since.elapsed().as_millis(), 100);
}

/// What reflection says the services are.
async fn listed(server: &Server, version: &str) -> String {
    #[derive(Clone, PartialEq, prost::Message)]
    struct List {
        #[prost(string, tag = "7")]
        list_services: String,
    }
    let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
    let request = List {
        list_services: "*".to_owned(),
    };
    let request = post(&path, framed(&request.encode_to_vec()));
    let reply = server.connect().await.call(request).await;
    assert_eq!(reply.code, Some(0), "{version}");
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[tokio::test(start_paused = true)]
async fn reflection_lists_the_services_in_both_versions() {
    let server = Server::start();
    for version in ["v1", "v1alpha"] {
        let names = listed(&server, version).await;
        for service in [
            "Generic",
            "Model",
            "Router",
            "Transformer",
            "OutputTransformer",
            "Combiner",
            "Seldon",
        ] {
            let name = format!("seldon.protos.{service}");
            assert!(names.contains(&name), "{version}: {name} in {names}");
        }
        assert!(names.contains("grpc.health.v1.Health"), "{version}");
        assert!(!names.contains("test.Words"), "{version}: {names}");
    }
}

#[tokio::test(start_paused = true)]
async fn health_and_reflection_know_every_protocol() {
    let server = Server::speaking(&Config::default(), vec![Arc::new(Seldon), Arc::new(Words)]);
    for service in ["seldon.protos.Generic", "test.Words"] {
        becomes(&server, service, SERVING).await;
        for version in ["v1", "v1alpha"] {
            let names = listed(&server, version).await;
            assert!(names.contains(service), "{version}: {service} in {names}");
        }
    }
}

#[cfg(feature = "oip")]
#[tokio::test(start_paused = true)]
async fn health_and_reflection_know_the_open_inference_protocol() {
    let served = streeling_codec::oip::Served {
        name: "m".to_owned(),
        version: None,
    };
    let oip = streeling_grpc::oip::Oip::new(served, streeling_core::Method::Predict);
    let server = Server::speaking(&Config::default(), vec![Arc::new(Seldon), Arc::new(oip)]);
    let service = "inference.GRPCInferenceService";
    becomes(&server, service, SERVING).await;
    for version in ["v1", "v1alpha"] {
        let names = listed(&server, version).await;
        assert!(names.contains(service), "{version}: {names}");
    }
}

/// An open reflection request, of which the server has the head.
async fn reflecting(server: &Server) -> DuplexStream {
    let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let mut client = server.connect_raw();
    let sent = [HELLO, &head(1, path, &[])].concat();
    client.write_all(&sent).await.unwrap();
    let mut seen = Vec::new();
    // The response's head comes before the first message.
    while !frames(&seen).any(|(kind, ..)| kind == 1) {
        assert_ne!(within(client.read_buf(&mut seen)).await.unwrap(), 0);
    }
    client
}

#[tokio::test(start_paused = true)]
async fn open_reflection_requests_do_not_hold_the_end() {
    let server = Server::start();
    let mut client = reflecting(&server).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    let mut read = Vec::new();
    within(client.read_to_end(&mut read)).await.unwrap();
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
    // Its client does not say that it knows of the end, which is waited for, too.
    assert_eq!(since.elapsed().as_millis(), 500);
    // The status that it ends with.
    assert!(frames(&read).any(|(kind, stream, _)| (kind, stream) == (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn standard_requests_that_stop_half_way_are_ended() {
    let server = Server::with(&Config {
        idle_timeout: Duration::from_millis(300),
        ..Config::default()
    });
    let since = Instant::now();
    let mut reflecting = reflecting(&server).await;
    let mut checking = server.connect_raw();
    let path = "/grpc.health.v1.Health/Check";
    let sent = [HELLO, &head(1, path, &[]), &frame(0, 0, 1, &[0, 0, 0])].concat();
    checking.write_all(&sent).await.unwrap();
    for client in [&mut reflecting, &mut checking] {
        let mut seen = Vec::new();
        // Trailers, or a head that has the status.
        while !frames(&seen).any(|(kind, stream, _)| (kind, stream) == (1, 1)) {
            assert_ne!(within(client.read_buf(&mut seen)).await.unwrap(), 0);
        }
        assert_eq!(since.elapsed().as_millis(), 300);
    }
}
