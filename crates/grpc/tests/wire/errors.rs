//! Each row of the error table, as a client sees it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use streeling_core::ErrorKind;
use streeling_grpc::Config;
use streeling_proto::seldon::protos::seldon_client::SeldonClient;
use tokio::time::sleep;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{PATIENCE, PREDICT, Server, config, framed_order, post, text, text_of};

#[tokio::test]
async fn every_kind() {
    let server = Server::start();
    let mut seen = 0;
    for (kind, code) in [
        (ErrorKind::BadData, Code::InvalidArgument),
        (ErrorKind::NotImplemented, Code::Unimplemented),
        (ErrorKind::Component, Code::Unknown),
        (ErrorKind::BadMetric, Code::Unknown),
        (ErrorKind::BadMetadata, Code::Unknown),
        (ErrorKind::TooLarge, Code::ResourceExhausted),
        (ErrorKind::QueueFull, Code::ResourceExhausted),
        (ErrorKind::WorkerLost, Code::Unavailable),
        (ErrorKind::NotReady, Code::Unavailable),
        (ErrorKind::Deadline, Code::DeadlineExceeded),
        (ErrorKind::Internal, Code::Internal),
    ] {
        let status = server.order(&format!("kind {kind:?}")).await.unwrap_err();
        assert_eq!(status.code(), code, "{kind:?}");
        let text = format!("scripted failure: {kind:?} \"é\n");
        let prefix = match code {
            Code::Unknown => "Exception calling application: ",
            _ => "",
        };
        assert_eq!(status.message(), format!("{prefix}{text}"));
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, kind.reason());
        assert_eq!(details.retry_info().is_some(), kind == ErrorKind::QueueFull);
        seen += 1;
    }
    assert_eq!(seen, ErrorKind::ALL.len());
}

#[tokio::test]
async fn component_chooses_its_status() {
    let server = Server::start();
    for code in 1..=16 {
        let status = server.order(&format!("grpc {code}")).await.unwrap_err();
        assert_eq!(status.code(), Code::from_i32(code));
        assert_eq!(status.message(), "own");
    }
}

#[tokio::test]
async fn status_in_an_answer_is_part_of_the_answer() {
    let server = Server::start();
    let answer = server.order("status 404").await.unwrap();
    let status = answer.status.unwrap();
    assert_eq!((status.code, status.info.as_str()), (404, "as scripted"));
}

#[tokio::test]
async fn panic_is_an_error_and_the_connection_goes_on() {
    let server = Server::start();
    let mut model = server.model().await;
    let status = model.predict(text("panic ouch")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().ends_with("the component panicked: ouch"));
    let answer = model.predict(text("hello")).await.unwrap();
    assert_eq!(text_of(answer.get_ref()), "echo hello");
}

#[tokio::test]
async fn before_it_is_loaded() {
    let server = Server::start();
    server.ready.send_replace(false);
    let status = server.order("hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(server.component.started.load(Ordering::SeqCst), 0);
    server.ready.send_replace(true);
    assert_eq!(text_of(&server.order("hello").await.unwrap()), "echo hello");
}

#[tokio::test]
async fn deadline_of_the_server() {
    let server = Server::with(Config {
        timeout: Some(Duration::from_millis(50)),
        ..config()
    });
    let begun = Instant::now();
    let status = server.order("sleep 20000").await.unwrap_err();
    assert!(begun.elapsed() < PATIENCE / 2);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "no answer within 50 ms");
    assert_eq!(server.component.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn deadline_of_the_caller() {
    let server = Server::start();
    let mut client = server.connect().await;
    let mut request = post(PREDICT, framed_order("sleep 20000"));
    let headers = request.headers_mut();
    headers.insert("grpc-timeout", "50m".parse().unwrap());
    let reply = client.ask(request).await;
    assert_eq!((reply.http, reply.code), (200, Some(4)), "{reply:?}");
    assert_eq!(server.component.dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn deadline_that_is_over_reaches_no_component() {
    let server = Server::start();
    let mut client = server.connect().await;
    let mut request = post(PREDICT, framed_order("hello"));
    let headers = request.headers_mut();
    headers.insert("grpc-timeout", "0n".parse().unwrap());
    let reply = client.ask(request).await;
    assert_eq!((reply.http, reply.code), (200, Some(4)), "{reply:?}");
    assert_eq!(server.component.started.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn caller_that_goes_away_is_noticed() {
    let server = Server::start();
    let mut model = server.model().await;
    let call = tokio::spawn(async move { model.predict(text("sleep 20000")).await });
    while server.component.started.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    call.abort();
    let begun = Instant::now();
    while server.component.dropped.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_not_there() {
    let server = Server::start();
    let mut client = server.connect().await;
    for path in [
        "/seldon.protos.Model/Nothing",
        "/seldon.protos.Nothing/Predict",
        "/nothing",
        "/",
    ] {
        let reply = client.ask(post(path, framed_order("hello"))).await;
        assert_eq!((reply.http, reply.code), (200, Some(12)), "{path}");
        assert!(reply.text.contains("no%20method") || reply.text.contains("no method"));
    }
    let mut seldon = SeldonClient::new(server.channel().await);
    let status = seldon.graph_metadata(()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
}

#[tokio::test]
async fn not_grpc_at_all() {
    let server = Server::start();
    let mut client = server.connect().await;
    for kind in [
        "application/json",
        "application/grpc-web",
        "application/grpc+json",
    ] {
        let mut request = post(PREDICT, framed_order("hello"));
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        assert_eq!(client.ask(request).await.http, 415, "{kind}");
    }
    let mut request = post(PREDICT, framed_order("hello"));
    request
        .headers_mut()
        .insert("content-type", "application/grpc+proto".parse().unwrap());
    assert_eq!(client.ask(request).await.code, Some(0));
}
