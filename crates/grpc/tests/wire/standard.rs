//! Health and reflection.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use prost::Message as _;
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc};
use streeling_net::Drained;
use streeling_testkit::Harness;
use tokio::sync::watch;
use tokio::time::Instant;

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
