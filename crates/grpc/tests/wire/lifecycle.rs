//! Binding, many streams, clients that do not read, and the end.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use streeling_grpc::{BindError, Config, Drained, bind};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::support::{PATIENCE, PREDICT, Server, config, framed_order, post, text, text_of};

#[tokio::test]
async fn port_in_use_is_named() {
    let server = Server::start();
    let error = bind(Config {
        address: server.address,
        ..config()
    })
    .unwrap_err();
    assert!(matches!(error, BindError::InUse { address } if address == server.address));
}

#[tokio::test]
async fn requests_under_way_are_finished_and_new_ones_go_elsewhere() {
    let server = Server::start();
    let address = server.address;
    let mut model = server.model().await;
    let mut idle = server.connect().await;
    assert_eq!(
        idle.ask(post(PREDICT, framed_order("hello"))).await.code,
        Some(0)
    );
    let busy = tokio::spawn(async move { model.predict(text("sleep 500")).await });
    while server.component.started.load(Ordering::SeqCst) < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let end = server.stop_within(PATIENCE);
    // GOAWAY, and the end of a connection that has nothing to do.
    idle.ended.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(400));
    assert!(TcpStream::connect(address).await.is_err());
    let answer = busy.await.unwrap().unwrap();
    assert_eq!(text_of(answer.get_ref()), "slept");
    let drained = timeout(PATIENCE, end).await.unwrap().unwrap();
    assert_eq!(drained, Drained { aborted: 0 });
}

#[tokio::test]
async fn silent_connection_does_not_hold_the_end() {
    let server = Server::start();
    let silent = TcpStream::connect(server.address).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let begun = Instant::now();
    let end = server.stop_within(PATIENCE);
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
    assert!(begun.elapsed() < PATIENCE / 2);
    drop(silent);
}

#[tokio::test]
async fn grace_has_an_end() {
    let server = Server::start();
    let mut model = server.model().await;
    let component = server.component.clone();
    let busy = tokio::spawn(async move { model.predict(text("sleep 60000")).await });
    while component.started.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let end = server.stop_within(Duration::from_millis(50));
    let drained = timeout(PATIENCE, end).await.unwrap().unwrap();
    assert_eq!(drained, Drained { aborted: 1 });
    assert!(busy.await.unwrap().is_err());
    let begun = Instant::now();
    while component.dropped.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn ten_thousand_streams_on_one_connection() {
    let server = Server::start();
    let model = server.model().await;
    let calls = (0..10_000).map(|number| {
        let mut model = model.clone();
        async move {
            let answer = model.predict(text(&number.to_string())).await.unwrap();
            assert_eq!(text_of(answer.get_ref()), format!("echo {number}"));
        }
    });
    timeout(PATIENCE * 3, join_all(calls)).await.unwrap();
    assert_eq!(server.component.started.load(Ordering::SeqCst), 10_000);
}

#[tokio::test]
async fn streams_opened_and_reset_at_once_do_not_pile_up() {
    let server = Server::start();
    let mut client = server.connect().await;
    for _ in 0..2_000 {
        if client.sender.ready().await.is_err() {
            // Cut for abuse: right, too.
            break;
        }
        let answer = client
            .sender
            .send_request(post(PREDICT, framed_order("sleep 20000")));
        // Long enough for it to be sent; then nobody waits any more.
        match timeout(Duration::from_millis(1), answer).await {
            Err(_) => {}
            Ok(Err(_)) => break,
            Ok(Ok(answer)) => panic!("{answer:?}"),
        }
    }
    drop(client);
    assert_ne!(server.component.started.load(Ordering::SeqCst), 0);
    let begun = Instant::now();
    let component = &server.component;
    while component.started.load(Ordering::SeqCst) > component.dropped.load(Ordering::SeqCst) {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(text_of(&server.order("hello").await.unwrap()), "echo hello");
}

#[tokio::test]
async fn client_that_never_reads_is_cut() {
    let server = Server::with(Config {
        stall: Duration::from_millis(300),
        ..config()
    });
    let mut client = server.connect().await;
    // Larger than the window that the client gives, and the client asks for no more of it.
    let answer = client
        .send(post(PREDICT, framed_order("repeat 30000000")))
        .await;
    let begun = Instant::now();
    let ended = timeout(PATIENCE, client.ended).await.unwrap().unwrap();
    assert!(ended.is_err() || begun.elapsed() > Duration::from_millis(200));
    drop(answer);
    assert_eq!(text_of(&server.order("hello").await.unwrap()), "echo hello");
}

#[tokio::test]
async fn client_that_is_gone_without_a_word_is_noticed() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = Server::with(Config {
        ping: Duration::from_millis(200),
        ..config()
    });
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    // The preface and empty settings, and then not a byte more, whatever is asked.
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    silent.write_all(hello).await.unwrap();
    let mut heard = Vec::new();
    let end = timeout(PATIENCE, silent.read_to_end(&mut heard))
        .await
        .unwrap();
    assert!(end.is_ok() || !heard.is_empty());
    // One that answers stays, for as long as it likes.
    let mut polite = server.connect().await;
    sleep(Duration::from_secs(1)).await;
    let reply = polite.ask(post(PREDICT, framed_order("hello"))).await;
    assert_eq!(reply.code, Some(0));
}

#[tokio::test]
async fn slow_reader_is_not_cut() {
    use http_body_util::BodyExt as _;

    let server = Server::with(Config {
        stall: Duration::from_millis(200),
        ..config()
    });
    let mut client = server.connect().await;
    let answer = client
        .send(post(PREDICT, framed_order("repeat 4000000")))
        .await;
    let mut body = answer.into_body();
    let (mut read, mut last) = (0, Instant::now());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.unwrap().into_data() {
            read += data.len();
            if last.elapsed() < Duration::from_millis(100) && read < 3_000_000 {
                sleep(Duration::from_millis(5)).await;
            }
            last = Instant::now();
        }
    }
    assert!(read > 4_000_000, "{read}");
}

#[tokio::test]
async fn head_of_a_megabyte_is_refused() {
    let server = Server::start();
    let mut model = server.model().await;
    let mut request = tonic::Request::new(text("hello"));
    let value = "x".repeat(1 << 20).parse().unwrap();
    request.metadata_mut().insert("long", value);
    let status = model.predict(request).await.unwrap_err();
    assert_ne!(status.code(), Code::Ok);
    assert_eq!(server.component.started.load(Ordering::SeqCst), 0);
    assert_eq!(text_of(&server.order("hello").await.unwrap()), "echo hello");
}
