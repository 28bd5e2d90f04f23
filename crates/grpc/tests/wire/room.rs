//! Connections that make room for others.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use streeling_grpc::seldon::Seldon;
use streeling_grpc::{Config, Grpc, Protocol};
use streeling_net::{ConnectionLimit, Connections, Together};
use streeling_testkit::Harness;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};

use crate::raw::{HELLO, goodbye, predict};
use crate::support::{PREDICT, Server, framed_command, post, text, text_of, within};

fn with_connections(most: usize) -> Server {
    let limit = ConnectionLimit {
        most,
        ..ConnectionLimit::default()
    };
    let connections = Connections::new("gRPC", limit, Together::default());
    Server::of(Harness::within(connections, |models, observers, ready| {
        let protocols: Vec<Arc<dyn Protocol>> = vec![Arc::new(Seldon)];
        Grpc::new(&Config::default(), protocols, models, observers, ready)
    }))
}

#[tokio::test(start_paused = true)]
async fn idle_connections_make_room_and_busy_ones_stay() {
    let server = with_connections(3);
    let mut silent = server.connect_raw();
    sleep(Duration::from_millis(10)).await;
    let mut idle = server.connect_raw();
    idle.write_all(HELLO).await.unwrap();
    let mut busy = server.client().await;
    let slow = tokio::spawn(async move { busy.predict(text("sleep 20000")).await });
    within(server.model.started.reached(1)).await;
    let since = Instant::now();
    let mut third = server.connect().await;
    let reply = third.call(post(PREDICT, framed_command("hello"))).await;
    assert_eq!(reply.code, Some(0));
    assert_eq!(since.elapsed().as_millis(), 1990);
    // It had said nothing, so there is nothing to say to it.
    let mut read = Vec::new();
    within(silent.read_to_end(&mut read)).await.unwrap();
    assert_eq!(read, b"");
    let mut fourth = server.connect().await;
    let reply = fourth.call(post(PREDICT, framed_command("hello"))).await;
    assert_eq!(reply.code, Some(0));
    within(idle.read_to_end(&mut read)).await.unwrap();
    assert_eq!(goodbye(&read), Some(0));
    let response = within(slow).await.unwrap().unwrap();
    assert_eq!(text_of(response.get_ref()), "slept");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_open_keeps_its_connection() {
    let server = with_connections(1);
    // A request whose message does not come is one, until its time is over.
    let mut half = server.connect_raw();
    half.write_all(&[HELLO, &predict(1)].concat())
        .await
        .unwrap();
    let since = Instant::now();
    let mut next = server.connect().await;
    let watch = next
        .send(post("/grpc.health.v1.Health/Watch", vec![0; 5]))
        .await;
    let waited = since.elapsed().as_secs();
    assert!((60..64).contains(&waited), "{waited}");
    // So is a response that does not end.
    let mut body = watch.into_body();
    assert!(within(body.frame()).await.unwrap().is_ok());
    let mut last = server.connect_raw();
    last.write_all(HELLO).await.unwrap();
    let silent = timeout(Duration::from_secs(600), last.read_u8());
    assert!(silent.await.is_err());
    drop(body);
    within(last.read_u8()).await.unwrap();
}
