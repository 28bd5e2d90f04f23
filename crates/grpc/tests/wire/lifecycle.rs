//! Many streams, clients that do not read, and the end.

use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use streeling_grpc::Config;
use streeling_net::Drained;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};
use tonic::Code;

use crate::support::{PREDICT, Server, TIMEOUT, framed_command, post, text, text_of, within};

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_finished_and_new_ones_go_elsewhere() {
    let server = Server::start();
    let dialer = server.dialer.clone();
    let mut client = server.client().await;
    let mut idle = server.connect().await;
    assert_eq!(
        idle.call(post(PREDICT, framed_command("hello"))).await.code,
        Some(0)
    );
    let busy = tokio::spawn(async move { client.predict(text("sleep 500")).await });
    within(server.model.started.reached(2)).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    // GOAWAY, and the end of a connection that has nothing to do.
    within(idle.ended).await.unwrap().unwrap();
    assert_eq!(since.elapsed().as_millis(), 0);
    assert!(dialer.connect().is_none());
    let response = busy.await.unwrap().unwrap();
    assert_eq!(since.elapsed().as_millis(), 500);
    assert_eq!(text_of(response.get_ref()), "slept");
    let drained = within(end).await.unwrap();
    assert_eq!(drained, Drained { aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn silent_connection_does_not_hold_the_end() {
    let server = Server::start();
    let silent = server.connect_raw();
    sleep(Duration::from_millis(50)).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
    assert_eq!(since.elapsed().as_millis(), 200);
    drop(silent);
}

#[tokio::test(start_paused = true)]
async fn silent_connection_is_closed() {
    let server = Server::with(&Config {
        idle_timeout: Duration::from_millis(300),
        ..Config::default()
    });
    let since = Instant::now();
    let mut silent = server.connect_raw();
    silent.write_all(b"PRI * HTTP/2.0").await.unwrap();
    let mut read = Vec::new();
    assert_eq!(within(silent.read_to_end(&mut read)).await.unwrap(), 0);
    assert_eq!(since.elapsed().as_millis(), 300);
}

#[tokio::test(start_paused = true)]
async fn another_protocol_is_refused() {
    let server = Server::start();
    let mut client = server.connect_raw();
    let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
    client.write_all(request).await.unwrap();
    let since = Instant::now();
    let mut read = Vec::new();
    within(client.read_to_end(&mut read)).await.unwrap();
    // The server's settings, which it sends first of all, and nothing more.
    let [a, b, c, kind] = *read.first_chunk().unwrap();
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    assert_eq!((kind, read.len()), (4, 9 + length), "{read:?}");
    assert_eq!(since.elapsed().as_millis(), 0);
}

#[tokio::test(start_paused = true)]
async fn grace_has_an_end() {
    let server = Server::start();
    let model = server.model.clone();
    let mut client = server.client().await;
    let busy = tokio::spawn(async move { client.predict(text("sleep 60000")).await });
    within(model.started.reached(1)).await;
    let since = Instant::now();
    let end = server.stop_within(Duration::from_millis(50));
    let drained = within(end).await.unwrap();
    assert_eq!(drained, Drained { aborted: 1 });
    assert_eq!(since.elapsed().as_millis(), 50);
    assert!(busy.await.unwrap().is_err());
    within(model.dropped.reached(1)).await;
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_streams_on_one_connection() {
    let server = Server::start();
    let client = server.client().await;
    let calls = (0..10_000).map(|number| {
        let mut client = client.clone();
        async move {
            let response = client.predict(text(&number.to_string())).await.unwrap();
            assert_eq!(text_of(response.get_ref()), format!("echo {number}"));
        }
    });
    within(join_all(calls)).await;
    assert_eq!(server.model.started.get(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn streams_opened_and_reset_at_once_do_not_pile_up() {
    let server = Server::start();
    let mut client = server.connect().await;
    for _ in 0..2_000 {
        within(client.sender.ready()).await.unwrap();
        let request = post(PREDICT, framed_command("sleep 20000"));
        let response = client.sender.send_request(request);
        // Long enough for it to be sent; then the client waits no more.
        timeout(Duration::from_millis(1), response)
            .await
            .unwrap_err();
    }
    drop(client);
    let model = &server.model;
    assert_eq!(model.started.get(), 2_000);
    within(async {
        while model.started.get() > model.dropped.get() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let response = server.command("hello").await.unwrap();
    assert_eq!(text_of(&response), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn client_that_never_reads_is_cut() {
    let server = Server::with(&Config {
        idle_timeout: Duration::from_millis(300),
        ..Config::default()
    });
    let mut client = server.connect().await;
    let since = Instant::now();
    // Larger than the window that the client gives, and the client asks for no more of it.
    let request = post(PREDICT, framed_command("repeat 30000000"));
    let response = client.send(request).await;
    let ended = within(client.ended).await.unwrap();
    assert!(ended.is_err());
    // Seen at one look, and unchanged at the next.
    assert_eq!(since.elapsed().as_millis(), 600);
    drop(response);
    let response = server.command("hello").await.unwrap();
    assert_eq!(text_of(&response), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn client_that_is_gone_without_a_word_is_noticed() {
    let server = Server::with(&Config {
        ping: Duration::from_millis(200),
        ..Config::default()
    });
    let since = Instant::now();
    let mut silent = server.connect_raw();
    // The preface and empty settings, and then not a byte more, whatever is sent.
    let hello = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    silent.write_all(hello).await.unwrap();
    let mut heard = Vec::new();
    within(silent.read_to_end(&mut heard)).await.unwrap();
    assert!(!heard.is_empty());
    // A ping, and no response to it.
    assert_eq!(since.elapsed().as_millis(), 400);
    // A client that responds stays, for as long as it likes.
    let mut polite = server.connect().await;
    sleep(Duration::from_secs(1000)).await;
    let reply = polite.call(post(PREDICT, framed_command("hello"))).await;
    assert_eq!(reply.code, Some(0));
}

#[tokio::test(start_paused = true)]
async fn slow_reader_is_not_cut() {
    let server = Server::with(&Config {
        idle_timeout: Duration::from_millis(200),
        ..Config::default()
    });
    let mut client = server.connect().await;
    let request = post(PREDICT, framed_command("repeat 30000000"));
    let mut body = client.send(request).await.into_body();
    let since = Instant::now();
    let mut read = 0;
    while let Some(frame) = within(body.frame()).await {
        if let Ok(data) = frame.unwrap().into_data() {
            read += data.len();
            sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(read > 30_000_000, "{read}");
    assert!(since.elapsed() > Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn head_of_a_megabyte_is_refused() {
    let server = Server::start();
    let mut client = server.client().await;
    let mut request = tonic::Request::new(text("hello"));
    let value = "x".repeat(1 << 20).parse().unwrap();
    request.metadata_mut().insert("long", value);
    let status = client.predict(request).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    assert_eq!(server.model.started.get(), 0);
    let response = server.command("hello").await.unwrap();
    assert_eq!(text_of(&response), "echo hello");
}
