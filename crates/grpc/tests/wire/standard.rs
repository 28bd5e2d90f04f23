//! Health and reflection.

use prost::Message as _;
use streeling_grpc::Drained;
use tokio::time::timeout;

use crate::support::{PATIENCE, Server, framed, post};

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

async fn health(server: &Server, service: &str) -> (Option<i32>, i32) {
    let request = HealthRequest {
        service: service.to_owned(),
    };
    let body = framed(&request.encode_to_vec());
    let mut client = server.connect().await;
    let reply = client.ask(post("/grpc.health.v1.Health/Check", body)).await;
    let status = match reply.body.get(5..) {
        Some(message) => HealthResponse::decode(message).unwrap().status,
        None => 0,
    };
    (reply.code, status)
}

#[tokio::test]
async fn health_follows_the_load() {
    let server = Server::start();
    for service in ["", "seldon.protos.Model", "seldon.protos.Seldon"] {
        let serving = async { while health(&server, service).await != (Some(0), 1) {} };
        timeout(PATIENCE, serving).await.unwrap();
    }
    assert_eq!(health(&server, "no.such.Service").await.0, Some(5));
    server.ready.send_replace(false);
    let not_serving = async { while health(&server, "").await != (Some(0), 2) {} };
    timeout(PATIENCE, not_serving).await.unwrap();
}

#[tokio::test]
async fn health_says_that_the_server_ends() {
    let server = Server::start();
    let mut client = server.connect().await;
    let request = framed(&HealthRequest::default().encode_to_vec());
    let watch = client
        .send(post("/grpc.health.v1.Health/Watch", request))
        .await;
    let mut body = watch.into_body();
    let mut next = async || {
        use http_body_util::BodyExt as _;
        let frame = timeout(PATIENCE, body.frame()).await.unwrap()?;
        let data = frame.ok()?.into_data().ok()?;
        Some(HealthResponse::decode(&data[5..]).unwrap().status)
    };
    let mut seen = next().await;
    while seen == Some(2) {
        seen = next().await;
    }
    assert_eq!(seen, Some(1));
    let end = server.stop_within(PATIENCE);
    assert_eq!(next().await, Some(2));
    assert_eq!(next().await, None);
    // The stream does not hold the end.
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    #[derive(Clone, PartialEq, prost::Message)]
    struct List {
        #[prost(string, tag = "7")]
        list_services: String,
    }
    let server = Server::start();
    let mut client = server.connect().await;
    for version in ["v1", "v1alpha"] {
        let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
        let request = List {
            list_services: "*".to_owned(),
        };
        let reply = client
            .ask(post(&path, framed(&request.encode_to_vec())))
            .await;
        assert_eq!(reply.code, Some(0), "{version}");
        let names = String::from_utf8_lossy(&reply.body).into_owned();
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
    }
}
