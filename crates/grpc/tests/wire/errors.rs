//! Each row of the error table, as a client sees it.

use std::time::Duration;

use streeling_codec::seldon::reason;
use streeling_core::ErrorKind;
use streeling_grpc::Config;
use streeling_proto::seldon::protos::seldon_client::SeldonClient;
use tokio::time::Instant;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::support::{PREDICT, Server, framed_command, post, text, text_of, within};

#[tokio::test(start_paused = true)]
async fn every_kind() {
    let server = Server::start();
    let mut seen = 0;
    for (kind, code) in [
        (ErrorKind::BadData, Code::InvalidArgument),
        (ErrorKind::Unauthenticated, Code::Unauthenticated),
        (ErrorKind::UnknownModel, Code::NotFound),
        (ErrorKind::NotImplemented, Code::Unimplemented),
        (ErrorKind::Component, Code::Unknown),
        (ErrorKind::BadMetric, Code::Unknown),
        (ErrorKind::BadMetadata, Code::Unknown),
        (ErrorKind::TooLarge, Code::ResourceExhausted),
        (ErrorKind::QueueFull, Code::ResourceExhausted),
        (ErrorKind::MemoryFull, Code::ResourceExhausted),
        (ErrorKind::WorkerLost, Code::Unavailable),
        (ErrorKind::NotReady, Code::Unavailable),
        (ErrorKind::Deadline, Code::DeadlineExceeded),
        (ErrorKind::Internal, Code::Internal),
    ] {
        let status = server.command(&format!("kind {kind:?}")).await.unwrap_err();
        assert_eq!(status.code(), code, "{kind:?}");
        let text = status.message();
        let is_raised = text.starts_with("Exception calling application: ");
        assert_eq!(is_raised, code == Code::Unknown, "{text}");
        assert!(text.ends_with(&format!("{kind:?} \"é\n")), "{text}");
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, reason(kind));
        let is_full = matches!(kind, ErrorKind::QueueFull | ErrorKind::MemoryFull);
        assert_eq!(details.retry_info().is_some(), is_full);
        seen += 1;
    }
    assert_eq!(seen, ErrorKind::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn component_chooses_its_status() {
    let server = Server::start();
    for code in 1..=16 {
        let status = server.command(&format!("grpc {code}")).await.unwrap_err();
        assert_eq!(status.code(), Code::from_i32(code));
        assert_eq!(status.message(), "own");
    }
    let status = server.command("http 418").await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.metadata["code"].as_str()),
        ("OWN_REASON", "7")
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_in_a_response_is_part_of_the_response() {
    let server = Server::start();
    let response = server.command("status 404").await.unwrap();
    let status = response.status.unwrap();
    assert_eq!((status.code, status.info.as_str()), (404, "as returned"));
}

#[tokio::test(start_paused = true)]
async fn panic_is_an_error_and_the_connection_goes_on() {
    let server = Server::start();
    let mut model = server.client().await;
    let status = model.predict(text("panic ouch")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().ends_with("the component panicked: ouch"));
    let response = model.predict(text("hello")).await.unwrap();
    assert_eq!(text_of(response.get_ref()), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn before_it_is_loaded() {
    let server = Server::start();
    server.ready.send_replace(false);
    let status = server.command("hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let mut seldon = SeldonClient::new(server.channel().await);
    let status = seldon.graph_metadata(()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(server.model.started.get(), 0);
    server.ready.send_replace(true);
    assert_eq!(
        text_of(&server.command("hello").await.unwrap()),
        "echo hello"
    );
}

// Deadlines are long: a component sees them by the real clock, which goes on.
#[tokio::test(start_paused = true)]
async fn deadline_of_the_server() {
    let server = Server::with(&Config {
        timeout: Some(Duration::from_secs(50)),
        ..Config::default()
    });
    let since = Instant::now();
    let status = server.command("sleep 60000").await.unwrap_err();
    assert_eq!(since.elapsed().as_millis(), 50_000);
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "no response within 50000 ms");
    assert_eq!(server.model.dropped.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn deadline_of_the_caller() {
    let server = Server::start();
    let mut client = server.connect().await;
    let mut request = post(PREDICT, framed_command("sleep 60000"));
    let headers = request.headers_mut();
    headers.insert("grpc-timeout", "50S".parse().unwrap());
    let since = Instant::now();
    let reply = client.call(request).await;
    assert_eq!(since.elapsed().as_millis(), 50_000);
    assert_eq!((reply.http, reply.code), (200, Some(4)), "{reply:?}");
    assert_eq!(server.model.dropped.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn deadline_that_is_over_reaches_no_component() {
    let server = Server::start();
    let mut client = server.connect().await;
    let mut request = post(PREDICT, framed_command("hello"));
    let headers = request.headers_mut();
    headers.insert("grpc-timeout", "0n".parse().unwrap());
    let reply = client.call(request).await;
    assert_eq!((reply.http, reply.code), (200, Some(4)), "{reply:?}");
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn deadline_that_cannot_be_read_is_refused() {
    let server = Server::start();
    let mut client = server.connect().await;
    for header in ["", "5", "S", "-1S", "123456789S"] {
        let mut request = post(PREDICT, framed_command("hello"));
        let headers = request.headers_mut();
        headers.insert("grpc-timeout", header.parse().unwrap());
        let reply = client.call(request).await;
        assert_eq!((reply.http, reply.code), (200, Some(13)), "{reply:?}");
        assert!(reply.text.contains("grpc-timeout"), "{}", reply.text);
    }
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn caller_that_goes_away_is_noticed() {
    let server = Server::start();
    let mut model = server.client().await;
    let call = tokio::spawn(async move { model.predict(text("sleep 20000")).await });
    within(server.model.started.reached(1)).await;
    call.abort();
    within(server.model.dropped.reached(1)).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there() {
    let server = Server::start();
    let mut client = server.connect().await;
    for path in [
        "/seldon.protos.Model/Nothing",
        "/seldon.protos.Nothing/Predict",
        "/nothing",
        "/",
    ] {
        let reply = client.call(post(path, framed_command("hello"))).await;
        assert_eq!((reply.http, reply.code), (200, Some(12)), "{path}");
        assert!(reply.text.contains("no%20method"), "{}", reply.text);
    }
    let mut seldon = SeldonClient::new(server.channel().await);
    let status = seldon.graph_metadata(()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let text = "GraphMetadata not available on the Model level.";
    assert_eq!(status.message(), text);
}

#[tokio::test(start_paused = true)]
async fn not_grpc_at_all() {
    let server = Server::start();
    let mut client = server.connect().await;
    for kind in [
        "application/json",
        "application/grpc-web",
        "application/grpc+json",
    ] {
        let mut request = post(PREDICT, framed_command("hello"));
        request
            .headers_mut()
            .insert("content-type", kind.parse().unwrap());
        assert_eq!(client.call(request).await.http, 415, "{kind}");
    }
    let mut request = post(PREDICT, framed_command("hello"));
    request
        .headers_mut()
        .insert("content-type", "application/grpc+proto".parse().unwrap());
    assert_eq!(client.call(request).await.code, Some(0));
}
