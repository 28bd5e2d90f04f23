//! The transport serves any protocol: one beside Seldon's, whose responses may be many messages.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use streeling_grpc::Config;
use streeling_grpc::seldon::Seldon;
use streeling_net::Drained;
use tokio::time::Instant;

use crate::support::{Reply, Server, TIMEOUT, framed, messages, post, text_of, within};
use crate::words::{READY, SAY, SPLIT, Words};

fn server() -> Server {
    with(&Config::default())
}

fn with(config: &Config) -> Server {
    Server::speaking(config, vec![Arc::new(Seldon), Arc::new(Words)])
}

async fn call(server: &Server, path: &str, text: &str) -> Reply {
    let mut client = server.connect().await;
    client.call(post(path, framed(text.as_bytes()))).await
}

fn words(reply: &Reply) -> Vec<String> {
    let messages = messages(&reply.body).into_iter();
    messages
        .map(|word| String::from_utf8(word).unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_model_is_looked_up_by_the_name_in_the_message() {
    let server = server();
    let reply = call(&server, SAY, "scripted hello").await;
    assert_eq!(
        (reply.code, words(&reply)),
        (Some(0), vec!["echo hello".to_owned()])
    );
    for path in [SAY, SPLIT] {
        let reply = call(&server, path, "other hello").await;
        assert_eq!(reply.code, Some(15));
        assert!(reply.text.starts_with("UnknownModel:"), "{reply:?}");
        let reply = call(&server, path, "hello").await;
        assert_eq!(reply.text, "BadData:%20no%20model%20is%20named");
    }
    assert_eq!(server.model.started.get(), 1);
    // The other protocol is there, too, and fails in its own words.
    assert_eq!(text_of(&server.command("hi").await.unwrap()), "echo hi");
    let status = server.command("kind Component").await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_page_needs_no_model() {
    let server = server();
    assert_eq!(words(&call(&server, READY, "").await), ["ready: true"]);
    server.ready.send_replace(false);
    assert_eq!(words(&call(&server, READY, "").await), ["ready: false"]);
    let reply = call(&server, SPLIT, "scripted hello").await;
    assert!(reply.text.starts_with("NotReady:"), "{reply:?}");
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn messages_are_sent_as_they_come() {
    let server = server();
    let mut client = server.connect().await;
    let since = Instant::now();
    let request = post(SPLIT, framed(b"scripted a wait b"));
    let mut body = client.send(request).await.into_body();
    let mut seen = Vec::new();
    let trailers = loop {
        let frame = within(body.frame()).await.unwrap().unwrap();
        match frame.into_data() {
            Ok(data) => {
                let word = String::from_utf8(messages(&data).concat()).unwrap();
                seen.push((word, since.elapsed().as_secs()));
            }
            Err(frame) => break frame.into_trailers().unwrap(),
        }
    };
    assert_eq!(trailers["grpc-status"], "0");
    let expected = [("echo", 0), ("a", 0), ("wait", 200), ("b", 200)];
    assert_eq!(seen, expected.map(|(word, at)| (word.to_owned(), at)));
    assert!(within(body.frame()).await.is_none());
    // It was not cut, although the client got nothing for longer than two idle timeouts.
    assert!(Config::default().idle_timeout * 2 < Duration::from_secs(200));
    let seen = server.recorder.last().await;
    assert_eq!((seen.label, seen.code.as_str()), ("words", "OK"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_part_of_its_request() {
    let server = server();
    let mut request = post(SPLIT, framed(b"scripted id"));
    let headers = request.headers_mut();
    headers.insert("x-request-id", "id-1".parse().unwrap());
    let reply = server.connect().await.call(request).await;
    assert_eq!(words(&reply), ["echo", "id-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_may_fail_after_its_first_messages() {
    let server = server();
    let reply = call(&server, SPLIT, "scripted fail b").await;
    assert_eq!((reply.http, words(&reply)), (200, vec!["echo".to_owned()]));
    assert_eq!(reply.code, Some(15));
    assert_eq!(reply.text, "Component:%20a%20bad%20word");
    let reply = call(&server, SPLIT, "scripted a crash b").await;
    assert_eq!(words(&reply), ["echo", "a"]);
    assert_eq!(
        reply.text,
        "Component:%20the%20component%20panicked:%20a%20worse%20word"
    );
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_a_stream() {
    let server = with(&Config {
        timeout: Some(Duration::from_secs(300)),
        ..Config::default()
    });
    let since = Instant::now();
    let reply = call(&server, SPLIT, "scripted wait wait b").await;
    assert_eq!(since.elapsed().as_secs(), 300);
    assert_eq!(words(&reply), ["echo", "wait"]);
    assert_eq!(
        (reply.code, reply.text.as_str()),
        (Some(15), "Deadline:%20no%20response%20within%20300000%20ms")
    );
}

#[tokio::test(start_paused = true)]
async fn each_message_is_limited() {
    let server = with(&Config {
        max_message: 40,
        ..Config::default()
    });
    let reply = call(&server, SPLIT, "scripted repeat 41").await;
    assert!(reply.text.starts_with("TooLarge:"), "{reply:?}");
    let reply = call(&server, SPLIT, "scripted repeat 40").await;
    assert_eq!((reply.code, reply.body.len()), (Some(0), 45));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_read_is_cut() {
    let server = with(&Config {
        idle_timeout: Duration::from_millis(300),
        ..Config::default()
    });
    for text in ["scripted flood", "scripted repeat 30000000"] {
        let mut client = server.connect().await;
        let since = Instant::now();
        let unread = client.send(post(SPLIT, framed(text.as_bytes()))).await;
        let ended = within(client.ended).await.unwrap();
        assert!(ended.is_err(), "{text}");
        assert_eq!(since.elapsed().as_millis(), 600, "{text}");
        drop(unread);
    }
    assert_eq!(
        words(&call(&server, SPLIT, "scripted a").await),
        ["echo", "a"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_finished_when_the_server_ends() {
    let server = server();
    let mut client = server.connect().await;
    let response = client.send(post(SPLIT, framed(b"scripted wait b"))).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    let body = within(response.into_body().collect()).await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(messages(&body.to_bytes()).len(), 3);
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
    assert_eq!(since.elapsed().as_secs(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_ends_its_stream() {
    let server = server();
    let mut client = server.connect().await;
    let response = client.send(post(SPLIT, framed(b"scripted flood"))).await;
    drop(response);
    let reply = client
        .call(post(SAY, framed(b"scripted still there")))
        .await;
    assert_eq!(words(&reply), ["echo still there"]);
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    assert_eq!(within(end).await.unwrap(), Drained { aborted: 0 });
    assert_eq!(since.elapsed().as_millis(), 0);
}
