//! Heads that are odd, or wrong: each is answered in order or ends the connection, and never costs
//! what was sent before it.

use crate::support::{Client, Server};

const PING: &str = "GET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n";

/// Sends a head between two good requests, and returns its status, after a look at the first.
async fn second_status(client: &mut Client, request: &str) -> u16 {
    client.send_at_most([PING, request, PING].concat()).await;
    let first = client.receive(true).await.expect(request);
    assert_eq!(
        (first.status, &*first.body),
        (200, &b"pong"[..]),
        "{request:?}"
    );
    let with_body = !request.starts_with("HEAD ");
    client.receive(with_body).await.expect(request).status
}

#[tokio::test(start_paused = true)]
async fn odd_requests_get_a_response_and_the_connection_goes_on() {
    let server = Server::start();
    let long = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(60_000));
    let escaped = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "%41".repeat(5_000));
    let rows: &[(&str, u16)] = &[
        // Targets.
        (
            "POST predict HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n",
            400,
        ),
        (
            "POST predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}",
            400,
        ),
        ("GET predict HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("HEAD predict HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("CONNECT /predict HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("OPTIONS predict HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET http://y/health/ping HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET http://y HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET http://y?a=b HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET //health/ping HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /%68ealth/ping HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /health/ping?%zz=%00 HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /health/ping#a HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /%zz HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET /% HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET /%ff%fe%0d%0a HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        ("GET /../predict HTTP/1.1\r\nhost: x\r\n\r\n", 404),
        (&long, 404),
        (&escaped, 404),
        // Methods.
        ("get /health/ping HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("BREW /health/ping HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("TRACE /health/ping HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        // Versions, and what a client may request of the connection.
        (
            "GET /health/ping HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            200,
        ),
        (
            "GET /health/ping HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n\
             upgrade: websocket\r\n\r\n",
            200,
        ),
        (
            "GET /health/ping HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\r\n",
            200,
        ),
        ("\r\n\r\nGET /health/ping HTTP/1.1\r\nhost: x\r\n\r\n", 200),
        ("GET /health/ping HTTP/1.1\r\nHOST:\r\n\r\n", 200),
        // One way to read it: the same length twice.
        (
            "POST /no HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
            404,
        ),
        (
            "POST /no HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\n\r\n\
             2;a=b\r\n\n\n\r\n0\r\na: b\r\n\r\n",
            404,
        ),
    ];
    for (request, status) in rows {
        let mut client = server.connect();
        assert_eq!(
            second_status(&mut client, request).await,
            *status,
            "{request:.99?}"
        );
        let third = client.receive(true).await.expect(request);
        assert_eq!(third.status, 200, "{request:.99?}");
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_heads_are_refused_and_end_the_connection() {
    let server = Server::start();
    let post = "POST /predict HTTP/1.1\r\nhost: x\r\n";
    let long = format!("/{}", "a".repeat(70_000));
    let large = format!("a: {}", "b".repeat(500_000));
    let many = "a: b\r\n".repeat(200);
    let rows: &[(&str, &str, u16)] = &[
        ("GET /health/ping HTTP/1.1\r\n", "", 400),
        (
            "GET /health/ping HTTP/1.1\r\nhost: x\r\nHost: y\r\n",
            "",
            400,
        ),
        (post, "transfer-encoding: gzip, chunked\r\n", 501),
        (
            post,
            "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\n",
            400,
        ),
        (
            post,
            "transfer-encoding: chunked\r\ntransfer-encoding: gzip\r\n",
            400,
        ),
        (post, "transfer-encoding: chunked, gzip\r\n", 400),
        (post, "transfer-encoding: chunked, chunked\r\n", 400),
        (post, "transfer-encoding: identity\r\n", 400),
        (post, "transfer-encoding: xchunked\r\n", 400),
        (post, "transfer-encoding:\r\n", 400),
        (post, "transfer-encoding : chunked\r\n", 400),
        (
            post,
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
            400,
        ),
        (
            post,
            "content-length: 5\r\ntransfer-encoding: chunked\r\n",
            400,
        ),
        (
            "POST /predict HTTP/1.0\r\n",
            "transfer-encoding: chunked\r\n",
            400,
        ),
        (post, "content-length: 5\r\ncontent-length: 6\r\n", 400),
        (post, "content-length: 5, 6\r\n", 400),
        (post, "content-length: 5, 5\r\n", 400),
        (post, "content-length: +5\r\n", 400),
        (post, "content-length: -5\r\n", 400),
        (post, "content-length: 0x5\r\n", 400),
        (post, "content-length: 5 5\r\n", 400),
        (post, "content-length:\r\n", 400),
        (post, "content-length : 5\r\n", 400),
        // Line ends, folded lines, and what no value may have.
        ("GET /health/ping HTTP/1.1\n", "host: x\r\n", 400),
        ("\nGET /health/ping HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET /health/ping HTTP/1.1\r\nhost: x\n", "", 400),
        (
            "GET /health/ping HTTP/1.1\r\n",
            "host: x\r\na: b\nc: d\r\n",
            400,
        ),
        (post, "a: b\r\n c\r\n", 400),
        (post, "a: b\r\n\tc\r\n", 400),
        (post, " a: b\r\n", 400),
        (post, "a: b\0c\r\n", 400),
        (post, "a: b\rc\r\n", 400),
        (post, "a: b\x07\r\n", 400),
        (post, "a\0: b\r\n", 400),
        (post, ": b\r\n", 400),
        (post, "no colon\r\n", 400),
        (post, "é: b\r\n", 400),
        // Request lines.
        ("GET /health/ping\r\n", "host: x\r\n", 400),
        ("GET /health/ping HTTP/0.9\r\n", "host: x\r\n", 400),
        ("GET /health/ping HTTP/1.2\r\n", "host: x\r\n", 400),
        ("GET /health/ping HTTP/2.0\r\n", "host: x\r\n", 400),
        ("GET /health/ping http/1.1\r\n", "host: x\r\n", 400),
        ("GET  /health/ping HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET /health/ping  HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET /a b HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET\t/health/ping HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET /a\0b HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET  HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET http:// HTTP/1.1\r\n", "host: x\r\n", 400),
        ("GET http://[::1 HTTP/1.1\r\n", "host: x\r\n", 400),
        ("PRI * HTTP/2.0\r\n", "", 400),
        (" / HTTP/1.1\r\n", "host: x\r\n", 400),
        (&format!("GET {long} HTTP/1.1\r\n"), "host: x\r\n", 414),
        (
            "GET / HTTP/1.1\r\n",
            &format!("host: x\r\n{large}\r\n"),
            431,
        ),
        ("GET / HTTP/1.1\r\n", &format!("host: x\r\n{many}"), 431),
    ];
    for (start, fields, status) in rows {
        let request = format!("{start}{fields}\r\n0\r\n\r\n");
        let mut client = server.connect();
        assert_eq!(
            second_status(&mut client, &request).await,
            *status,
            "{request:.99?}"
        );
        client.closed().await;
    }
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn host_with_a_path_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    let request = "GET /health/ping HTTP/1.1\r\nhost: a/b\r\n\r\n";
    let reply = client.call(request).await;
    let info = reply.failure(400, "MICROSERVICE_BAD_DATA");
    assert!(info.contains("Host is not a name"), "{info}");
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn what_can_be_read_in_two_ways_is_refused_with_its_reason() {
    let server = Server::start();
    for (field, status, named) in [
        ("transfer-encoding: gzip, chunked", 501, "chunked"),
        (
            "content-length: 3\r\ntransfer-encoding: chunked",
            400,
            "Content-Length",
        ),
        ("host: y", 400, "Host"),
        ("a: b\nc: d", 400, "CR LF"),
    ] {
        let request = format!("POST /predict HTTP/1.1\r\nhost: x\r\n{field}\r\n\r\n0\r\n\r\n");
        let mut client = server.connect();
        let reply = client.call(&request).await;
        let info = reply.failure(status, "MICROSERVICE_BAD_DATA");
        assert!(info.contains(named), "{info}");
        assert_eq!(reply.header("connection"), Some("close"));
        client.closed().await;
    }
    let seen = server.recorder.seen();
    assert_eq!((seen.len(), &*seen[0].code), (4, "501"));
}

/// A request that hides in the body of another is a body, and nothing else.
#[tokio::test(start_paused = true)]
async fn no_request_hides_in_another() {
    let server = Server::start();
    let hidden = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    for head in [
        format!("content-length: 0\r\ntransfer-encoding: chunked\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("a: b\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\n0\r\na: b\n\r\n\r\n{hidden}"),
    ] {
        let mut client = server.connect();
        client
            .send(format!("POST /no HTTP/1.1\r\nhost: x\r\n{head}"))
            .await;
        while client.receive(true).await.is_some() {}
    }
    assert_eq!(server.model.started.get(), 0);
    assert!(
        server
            .recorder
            .seen()
            .iter()
            .all(|seen| seen.label == "none")
    );
}
