//! How long a connection lives.

use std::time::Duration;

use streeling_rest::Config;
use tokio::time::{Instant, sleep, timeout};

use crate::support::{Server, TIMEOUT, config, post};

const PING: &str = "GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n";

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.expect("it never comes")
}

fn predict(order: &str) -> String {
    post(
        "/predict",
        "application/json",
        &format!(r#"{{"strData":"{order}"}}"#),
    )
}

fn with_keepalive(keepalive: Duration) -> Server {
    Server::with(&Config {
        keepalive,
        ..config()
    })
}

#[tokio::test(start_paused = true)]
async fn one_connection_takes_many_requests() {
    let server = Server::start();
    let mut client = server.connect();
    for turn in 0..50 {
        let reply = client.call(&predict(&turn.to_string())).await;
        assert_eq!(reply.text(), format!("echo {turn}"));
        assert_eq!(reply.header("connection"), None);
        // What is refused does not cost the connection either.
        assert_eq!(
            client
                .call("GET /no HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .status,
            404
        );
        assert_eq!(
            client.call(&post("/no", "text/plain", "body")).await.status,
            404
        );
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_closed_and_a_busy_one_is_not() {
    let keepalive = Duration::from_millis(400);
    let server = with_keepalive(keepalive);
    let mut fresh = server.connect();
    let mut used = server.connect();
    assert_eq!(used.call(PING).await.status, 200);
    let since = Instant::now();
    used.closed().await;
    assert_eq!(since.elapsed().as_millis(), keepalive.as_millis());
    fresh.closed().await;

    let mut slow = server.connect();
    assert_eq!(slow.call(&predict("sleep 1200")).await.text(), "slept");
    let mut body = server.connect();
    let request = predict("late");
    let (start, end) = request.split_at(request.len() - 5);
    body.send(start).await;
    sleep(keepalive * 2).await;
    body.send(end).await;
    assert_eq!(body.receive(true).await.unwrap().text(), "echo late");
    for _ in 0..8 {
        sleep(keepalive / 4).await;
        assert_eq!(body.call(PING).await.status, 200);
    }
}

/// Clients with pools keep idle connections for longer than they are idle here, and do not repeat a
/// request that meets a closed one.
#[tokio::test(start_paused = true)]
async fn by_default_no_kept_connection_is_closed_under_a_request() {
    let server = Server::with(&Config::default());
    let mut clients: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for turn in [2, 2, 2, 90] {
        for client in &mut clients {
            let reply = client.call(&predict("again")).await;
            assert_eq!(reply.text(), "echo again", "after {turn} s");
            assert_eq!(reply.header("connection"), None);
        }
        sleep(Duration::from_secs(turn)).await;
    }
    for client in &mut clients {
        assert_eq!(client.call(PING).await.status, 200, "after 90 s");
    }
    let since = Instant::now();
    for client in &mut clients {
        client.closed().await;
    }
    assert_eq!(since.elapsed(), Duration::from_secs(100));
}

#[tokio::test(start_paused = true)]
async fn without_keepalive_each_response_closes() {
    let server = with_keepalive(Duration::ZERO);
    let mut client = server.connect();
    sleep(Duration::from_millis(50)).await;
    let reply = client.call(PING).await;
    assert_eq!(
        (reply.status, reply.header("connection")),
        (200, Some("close"))
    );
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn client_may_request_a_close() {
    let server = Server::start();
    let mut client = server.connect();
    let reply = client
        .call(&PING.replace("host: x", "host: x\r\nconnection: close"))
        .await;
    assert_eq!(
        (reply.status, reply.header("connection")),
        (200, Some("close"))
    );
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn old_http() {
    let server = Server::start();
    let mut client = server.connect();
    let reply = client.call("GET /health/ping HTTP/1.0\r\n\r\n").await;
    assert_eq!((reply.status, &*reply.body), (200, &b"pong"[..]));
    client.closed().await;

    let mut client = server.connect();
    let kept = "GET /health/ping HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    for _ in 0..2 {
        let reply = client.call(kept).await;
        assert_eq!(reply.header("connection"), Some("keep-alive"));
    }
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_refused_or_closed() {
    let server = Server::start();
    for (bytes, status) in [
        ("nonsense\r\n\r\n", 400),
        ("GET\r\n\r\n", 400),
        ("POST /predict HTTP/1.1\r\ncontent-length: x\r\n\r\n", 400),
        // hyper's word for a length beyond what it counts.
        (
            "POST /predict HTTP/1.1\r\ncontent-length: 18446744073709551615\r\n\r\n",
            431,
        ),
        (
            "POST /predict HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
            400,
        ),
        (
            "POST /predict HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nnot a length\r\n",
            400,
        ),
        ("GET /health/ping HTTP/1.1\r\nbad header\r\n\r\n", 400),
        ("\0\0\0\0\0\0\0\0\r\n\r\n", 400),
    ] {
        let mut client = server.connect();
        client.send(bytes).await;
        let reply = client.receive(true).await.expect(bytes);
        assert_eq!(reply.status, status, "{bytes:?}");
        client.closed().await;
    }
    assert_eq!(server.get("/health/ping").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn body_shorter_than_claimed() {
    let server = Server::start();
    let mut client = server.connect();
    let request = predict("a").replace("content-length: 15", "content-length: 16");
    client.send(request).await;
    client.end().await;
    let reply = client.receive(true).await.unwrap();
    reply.failure(400, "MICROSERVICE_BAD_DATA");
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn connections_between_requests_make_room_and_busy_ones_stay() {
    let server = Server::with_connections(4);
    let pause = || sleep(Duration::from_millis(10));
    let mut silent = server.connect();
    pause().await;
    let mut used = server.connect();
    assert_eq!(used.call(PING).await.status, 200);
    pause().await;
    let mut half = server.connect();
    half.send("GET /health/ping HTTP/1.1\r\nho").await;
    let mut busy = server.connect();
    busy.send(&predict("sleep 20000")).await;
    within(server.model.started.reached(1)).await;
    let since = Instant::now();
    let mut open = Vec::new();
    for closed in [&mut silent, &mut used, &mut half] {
        let mut next = server.connect();
        assert_eq!(next.call(PING).await.status, 200);
        closed.closed().await;
        open.push(next);
    }
    // The last of them had begun a head, which is no request, and had 0.2 s to go on with it.
    assert_eq!(since.elapsed().as_millis(), 2_200);
    assert_eq!(busy.receive(true).await.unwrap().text(), "slept");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_being_read_keeps_its_connection() {
    let server = Server::with_connections(1);
    let mut reading = server.connect();
    // More than the pipe takes.
    reading.send(&predict("repeat 1000000")).await;
    within(server.model.started.reached(1)).await;
    let mut next = server.connect();
    next.send(PING).await;
    sleep(Duration::from_secs(50)).await;
    let reply = reading.receive(true).await.unwrap();
    assert!(reply.body.len() > 1_000_000);
    assert_eq!(next.receive(true).await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn clients_that_come_again_right_after_a_refusal_wait_their_turn() {
    let server = Server::start();
    sleep(Duration::from_secs(1)).await;
    let mut clients = Vec::new();
    for _ in 0..500 {
        let mut client = server.connect();
        let reply = client.call(&predict("kind QueueFull")).await;
        assert_eq!(
            (reply.status, reply.header("retry-after")),
            (503, Some("1"))
        );
        clients.push(client);
    }
    let since = Instant::now();
    for client in &mut clients {
        client.send(&predict("again")).await;
    }
    // What is no request for the model has no turn to wait for.
    assert_eq!(server.connect().call(PING).await.status, 200);
    let mut last = clients.pop().unwrap();
    assert_eq!(since.elapsed().as_millis(), 0);
    for client in &mut clients {
        assert_eq!(client.receive(true).await.unwrap().text(), "echo again");
    }
    assert_eq!(last.receive(true).await.unwrap().text(), "echo again");
    // Some at once, the others a millisecond apart.
    assert_eq!(since.elapsed().as_millis(), 399);
    assert_eq!(
        last.call(&predict("once more")).await.text(),
        "echo once more"
    );
    assert_eq!(since.elapsed().as_millis(), 399);
}
