//! Binding, and the end.

use std::time::{Duration, Instant};

use streeling_rest::{BindError, Config, Drained, bind};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::support::{PATIENCE, Server, config, post};

#[tokio::test]
async fn port_is_reserved_first_and_opened_later() {
    let bound = bind(config()).unwrap();
    let address = bound.local_addr();
    assert_ne!(address.port(), 0);
    assert!(TcpStream::connect(address).await.is_err());
    let listening = bound.listen().unwrap();
    assert_eq!(listening.local_addr(), address);
    assert!(TcpStream::connect(address).await.is_ok());
}

#[tokio::test]
async fn port_in_use_is_named() {
    let server = Server::start();
    let error = bind(Config {
        address: server.address,
        ..config()
    })
    .unwrap_err();
    assert!(matches!(error, BindError::InUse { address } if address == server.address));
    assert_eq!(
        error.to_string(),
        format!("port {} is in use at 127.0.0.1", server.address.port())
    );
    let error = bind(Config {
        address: "203.0.113.1:0".parse().unwrap(),
        ..config()
    })
    .unwrap_err();
    assert!(matches!(error, BindError::Other { .. }), "{error}");
}

#[tokio::test]
async fn busy_connections_lose_no_request_at_the_end() {
    let server = Server::start();
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(server.connect().await);
    }
    let request = post("/predict", "application/json", r#"{"strData":"x"}"#);
    let busy = clients.into_iter().map(|mut client| {
        let request = request.clone();
        tokio::spawn(async move {
            let mut answers = 0;
            loop {
                let reply = client.ask(&request).await;
                assert_eq!(reply.status, 200);
                answers += 1;
                if reply.header("connection") == Some("close") {
                    return answers;
                }
            }
        })
    });
    let busy: Vec<_> = busy.collect();
    sleep(Duration::from_millis(100)).await;
    let end = server.stop();
    for client in busy {
        assert!(timeout(PATIENCE, client).await.unwrap().unwrap() > 1);
    }
    assert_eq!(end.await.unwrap(), Drained { aborted: 0 });
}

#[tokio::test]
async fn requests_under_way_are_finished() {
    let server = Server::start();
    let address = server.address;
    let mut idle = server.connect().await;
    idle.ask("GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let mut fresh = server.connect().await;
    let mut busy = server.connect().await;
    busy.send(post(
        "/predict",
        "application/json",
        r#"{"strData":"sleep 500"}"#,
    ))
    .await;
    while server
        .component
        .started
        .load(std::sync::atomic::Ordering::SeqCst)
        == 0
    {
        sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let end = server.stop();
    idle.closed().await;
    fresh.closed().await;
    assert!(
        begun.elapsed() < Duration::from_millis(400),
        "{:?}",
        begun.elapsed()
    );
    assert!(TcpStream::connect(address).await.is_err());
    let reply = busy.receive(true).await.unwrap();
    assert_eq!(reply.text(), "slept");
    assert_eq!(reply.header("connection"), Some("close"));
    busy.closed().await;
    let drained = timeout(PATIENCE, end).await.unwrap().unwrap();
    assert_eq!(drained, Drained { aborted: 0 });
}

#[tokio::test]
async fn grace_is_bounded() {
    let server = Server::start();
    let component = server.component.clone();
    let mut busy = server.connect().await;
    busy.send(post(
        "/predict",
        "application/json",
        r#"{"strData":"sleep 60000"}"#,
    ))
    .await;
    while component.started.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let begun = Instant::now();
    let drained = timeout(PATIENCE, server.stop_within(Duration::from_millis(200)))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(drained, Drained { aborted: 1 });
    assert!(begun.elapsed() >= Duration::from_millis(200));
    assert!(begun.elapsed() < Duration::from_secs(5));
    busy.closed().await;
    assert_eq!(
        component.dropped.load(std::sync::atomic::Ordering::SeqCst),
        1
    );
}
