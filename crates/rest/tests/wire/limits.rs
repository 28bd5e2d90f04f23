//! What one client may take: heads in bytes, number and time, parts, and how long it may leave a
//! response unread.

use std::time::Duration;

use streeling_net::{Connections, Cut};
use streeling_rest::Config;
use tokio::time::{Instant, sleep};

use crate::support::{Server, config, post};

const PING: &str = "GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n";
const TIME: Duration = Duration::from_secs(5);

/// How many connections were cut for a reason.
fn cuts(connections: &Connections, reason: Cut) -> u64 {
    let counted = connections.counted().cut;
    let found = counted.iter().find(|(known, _)| *known == reason);
    found.unwrap().1
}

#[tokio::test(start_paused = true)]
async fn a_head_must_come_in_time() {
    let (server, connections) = Server::counting(&Config {
        head_timeout: TIME,
        ..config()
    });
    let mut silent = server.connect();
    assert_eq!(silent.call(PING).await.status, 200);
    let since = Instant::now();
    silent.send("GET /hea").await;
    silent.closed().await;
    assert_eq!(since.elapsed().as_millis(), TIME.as_millis());

    let mut slow = server.connect();
    let since = Instant::now();
    slow.send("GET /health/ping HTTP/1.1\r\n").await;
    for _ in 0..4 {
        sleep(TIME / 5).await;
        slow.send("a: b\r\n").await;
    }
    slow.closed().await;
    assert_eq!(since.elapsed().as_millis(), TIME.as_millis());
    assert_eq!(cuts(&connections, Cut::HeadTimeout), 2);

    // What comes slowly but in time is served, and then nothing is waited for.
    let mut good = server.connect();
    for _ in 0..3 {
        for piece in PING.as_bytes().chunks(20) {
            sleep(TIME / 5).await;
            good.send(piece).await;
        }
        assert_eq!(good.receive(true).await.unwrap().status, 200);
        sleep(TIME * 3).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut() {
    let (server, connections) = Server::counting(&Config {
        write_timeout: TIME,
        ..config()
    });
    let size = 1_000_000;
    let order = post(
        "/predict",
        "application/json",
        &format!(r#"{{"strData":"repeat {size}"}}"#),
    );
    let mut silent = server.connect();
    silent.send(&order).await;
    sleep(TIME * 2).await;
    assert!(silent.until_closed().await.len() < size);
    assert_eq!(cuts(&connections, Cut::Unread), 1);

    let mut slow = server.connect();
    let since = Instant::now();
    slow.send(&order).await;
    let mut read = 0;
    while read < size {
        sleep(TIME / 5).await;
        read += slow.some(10_000).await;
    }
    assert!(since.elapsed() > TIME * 10);
    // What is left of it, and the connection is good for more.
    sleep(TIME * 2).await;
    slow.send(PING).await;
    assert!(slow.rest(b"pong").await.contains("200 OK"));
}

#[tokio::test(start_paused = true)]
async fn heads_are_bounded_in_bytes_and_number() {
    let (server, connections) = Server::counting(&Config {
        max_head_size: 2_000,
        max_headers: 5,
        ..config()
    });
    let head = |headers: usize, size: usize| {
        let headers = "a: b\r\n".repeat(headers - 2);
        let start = format!("GET /health/ping HTTP/1.1\r\nhost: x\r\n{headers}c: ");
        format!("{start}{}\r\n\r\n", "d".repeat(size - start.len() - 4))
    };
    for (headers, size, status) in [
        (5, 300, 200),
        (6, 300, 431),
        (3, 2_000, 200),
        (3, 2_001, 431),
    ] {
        let before = cuts(&connections, Cut::Head);
        let mut client = server.connect();
        let reply = client.call(&head(headers, size)).await;
        assert_eq!(reply.status, status, "{headers} {size}");
        if status == 431 {
            client.closed().await;
            assert_eq!(cuts(&connections, Cut::Head), before + 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn parts_and_fields_are_bounded_in_number() {
    let server = Server::start();
    let text = "--x\r\ncontent-disposition: form-data; name=\"strData\"\r\n\r\na\r\n";
    let part = "--x\r\ncontent-disposition: form-data; name=\"b\"\r\n\r\n1\r\n";
    let multipart = |parts: usize| format!("{text}{}--x--\r\n", part.repeat(parts - 1));
    let form = |fields: usize| format!("{}json={{}}", "a=b&".repeat(fields - 1));
    for (content_type, good, bad) in [
        (
            "multipart/form-data; boundary=x",
            multipart(1_000),
            multipart(1_001),
        ),
        (
            "application/x-www-form-urlencoded",
            form(1_000),
            form(1_001),
        ),
    ] {
        let reply = server.call(&post("/predict", content_type, &good)).await;
        assert_ne!(reply.status, 413, "{content_type}");
        let reply = server.call(&post("/predict", content_type, &bad)).await;
        let info = reply.failure(413, "MICROSERVICE_TOO_LARGE");
        assert!(info.contains("1000 (--max-parts, "), "{info}");
    }
}
