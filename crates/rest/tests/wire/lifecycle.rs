//! The end of a server, as its connections see it.

use std::time::Duration;

use streeling_net::Drained;
use tokio::time::{Instant, sleep};

use crate::support::{Server, TIMEOUT, post};

fn predict(command: &str) -> String {
    let body = format!(r#"{{"strData":"{command}"}}"#);
    post("/predict", "application/json", &body)
}

#[tokio::test(start_paused = true)]
async fn busy_connections_lose_no_request_at_the_end() {
    let server = Server::start();
    let busy: Vec<_> = (0..8)
        .map(|_| {
            let mut client = server.connect();
            tokio::spawn(async move {
                let mut responses = 0;
                loop {
                    let reply = client.call(&predict("sleep 10")).await;
                    assert_eq!(reply.status, 200);
                    responses += 1;
                    if reply.header("connection") == Some("close") {
                        return responses;
                    }
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(100)).await;
    let end = server.stop_within(TIMEOUT);
    for client in busy {
        assert!(client.await.unwrap() > 1);
    }
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_finished() {
    let server = Server::start();
    let dialer = server.dialer();
    let mut idle = server.connect();
    idle.call("GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let mut fresh = server.connect();
    let mut busy = server.connect();
    busy.send(predict("sleep 500")).await;
    server.model.started.reached(1).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    idle.closed().await;
    fresh.closed().await;
    // A request that was sent before the client could know has so long to arrive.
    assert_eq!(since.elapsed().as_millis(), 200);
    assert!(dialer.connect().is_none());
    let reply = busy.receive(true).await.unwrap();
    assert_eq!(since.elapsed().as_millis(), 500);
    assert_eq!(reply.text(), "slept");
    assert_eq!(reply.header("connection"), Some("close"));
    busy.closed().await;
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
}

#[tokio::test(start_paused = true)]
async fn half_a_head_does_not_hold_the_end() {
    let server = Server::start();
    let mut half = server.connect();
    half.send("GET /health/ping HTTP/1.1\r\nho").await;
    sleep(Duration::from_millis(50)).await;
    let since = Instant::now();
    let end = server.stop_within(TIMEOUT);
    half.closed().await;
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
    assert_eq!(since.elapsed().as_millis(), 400);
}

#[tokio::test(start_paused = true)]
async fn grace_is_bounded() {
    let server = Server::start();
    let model = server.model.clone();
    let mut busy = server.connect();
    busy.send(predict("sleep 60000")).await;
    model.started.reached(1).await;
    let since = Instant::now();
    let drained = server.stop_within(Duration::from_millis(300)).await;
    assert_eq!(drained.unwrap(), Drained { aborted: 1 });
    assert_eq!(since.elapsed().as_millis(), 300);
    busy.closed().await;
    assert_eq!(model.dropped.get(), 1);
}
