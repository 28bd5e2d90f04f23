//! Bodies that come compressed, and responses that go out so.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use flate2::Compression;
use flate2::read::{GzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use streeling_core::{
    Budget, Context, Models, Original, Page, Request, Response, Result, Service, Wants,
};
use streeling_rest::Config;
use streeling_rest::seldon::{Identity, Seldon};

use crate::support::{Reply, Server, config};

const JSON: &str = "application/json";
const HELLO: &str = r#"{"strData":"hello"}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// Every way to pack, with the name that it has in `Content-Encoding`.
type Pack = fn(&[u8]) -> Vec<u8>;

const WAYS: [(&str, Pack); 6] = [
    ("gzip", gzip),
    ("x-gzip", gzip),
    ("deflate", zlib),
    ("Deflate", deflate),
    ("zstd", zstd),
    ("identity, gzip", gzip),
];

/// A prediction with one more line in its head, or several.
fn request(target: &str, kind: &str, lines: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {target} HTTP/1.1\r\nhost: x\r\ncontent-type: {kind}\r\n{lines}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn send(server: &Server, bytes: &[u8]) -> Reply {
    let mut client = server.connect();
    client.send(bytes).await;
    client.receive(true).await.unwrap()
}

async fn send_packed(server: &Server, coding: &str, body: &[u8]) -> Reply {
    let lines = format!("content-encoding: {coding}");
    send(server, &request("/predict", JSON, &lines, body)).await
}

#[tokio::test(start_paused = true)]
async fn every_coding_is_read_and_its_length_is_that_of_what_it_becomes() {
    let server = Server::start();
    let long = format!(r#"{{"strData":"{}"}}"#, "x".repeat(500_000));
    for (coding, pack) in WAYS {
        let reply = send_packed(&server, coding, &pack(HELLO.as_bytes())).await;
        assert_eq!(reply.text(), "echo hello", "{coding}");
        assert_eq!(reply.header("vary"), None);
        let seen = server.recorder.last().await;
        assert_eq!(seen.received, HELLO.len() as u64, "{coding}");
        let reply = send_packed(&server, coding, &pack(long.as_bytes())).await;
        assert_eq!(reply.text().len(), 500_005, "{coding}");
    }
    let reply = send_packed(&server, "identity", HELLO.as_bytes()).await;
    assert_eq!(reply.text(), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn bodies_in_chunks_forms_and_parts_may_be_packed() {
    let server = Server::start();
    let packed = gzip(HELLO.as_bytes());
    let mut client = server.connect();
    let head = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(head).await;
    for piece in packed.chunks(7) {
        let chunk = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        client.send(chunk).await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.receive(true).await.unwrap().text(), "echo hello");
    let form = zlib(b"json=%7B%22strData%22%3A%22hello%22%7D");
    let part = "--b\r\ncontent-disposition: form-data; name=\"strData\"\r\n\r\nhello\r\n--b--\r\n";
    for (kind, coding, body) in [
        ("application/x-www-form-urlencoded", "deflate", form),
        (
            "multipart/form-data; boundary=b",
            "zstd",
            zstd(part.as_bytes()),
        ),
    ] {
        let lines = format!("content-encoding: {coding}");
        let reply = send(&server, &request("/predict", kind, &lines, &body)).await;
        assert_eq!(reply.text(), "echo hello", "{kind}");
    }
    // What comes in the address is not packed, nor is an empty body.
    let target = "/predict?json=%7B%22strData%22%3A%22hello%22%7D";
    let reply = send(
        &server,
        &request(target, JSON, "content-encoding: gzip", b""),
    )
    .await;
    assert_eq!(reply.text(), "echo hello");
}

#[tokio::test(start_paused = true)]
async fn what_is_passed_through_is_unpacked() {
    let seldon = Seldon::new(&Identity::default(), true);
    let models = Models::one("echo", Arc::new(Echo::default()));
    let server = Server::serving(&config(), vec![Arc::new(seldon)], models);
    let reply = send_packed(&server, "gzip", &gzip(b"anything")).await;
    assert_eq!((reply.status, &*reply.body), (200, &b"anything"[..]));
}

#[tokio::test(start_paused = true)]
async fn codings_that_are_not_known_and_two_of_them_are_refused() {
    let server = Server::start();
    let twice = gzip(&gzip(HELLO.as_bytes()));
    for (lines, word) in [
        ("content-encoding: br", "compressed with \"br\""),
        ("content-encoding: aws-chunked", "\"aws-chunked\""),
        ("content-encoding: gzip, gzip", "more than once"),
        (
            "content-encoding: deflate\r\ncontent-encoding: gzip",
            "more than once",
        ),
    ] {
        let reply = send(&server, &request("/predict", JSON, lines, &twice)).await;
        let info = reply.failure(415, "MICROSERVICE_BAD_DATA");
        assert!(info.contains(word), "{info}");
        assert!(info.contains("gzip, deflate, zstd"), "{info}");
        let allowed = reply.header("accept-encoding");
        assert_eq!(allowed, Some("gzip, deflate, zstd"));
    }
    // A status that a component requests is about something else.
    let reply = server.command("http 415").await;
    assert_eq!((reply.status, reply.header("accept-encoding")), (415, None));
    assert_eq!(server.model.started.get(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_refused() {
    let server = Server::start();
    for (coding, pack) in WAYS {
        let whole = pack(HELLO.as_bytes());
        let half = &whole[..whole.len() / 2];
        let garbage = [&whole[..], b"{}"].concat();
        for body in [half, &whole[..whole.len() - 1], &garbage, b"{}", b"x"] {
            let reply = send_packed(&server, coding, body).await;
            let info = reply.failure(400, "MICROSERVICE_BAD_DATA");
            assert!(info.contains("cannot be unpacked by"), "{coding}: {info}");
            assert_eq!(reply.header("accept-encoding"), None);
        }
    }
    assert_eq!(server.model.started.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn bombs_are_bounded_by_the_size_of_a_body_and_by_memory() {
    let size = Config {
        max_body_size: 1 << 20,
        ..config()
    };
    let server = Server::with(&size);
    let budget = Budget::new(8 << 20);
    let small = Server::within(&config(), budget.clone());
    for (coding, pack) in WAYS {
        let bomb = pack(&vec![b' '; 64 << 20]);
        assert!(bomb.len() < 100_000, "{coding}");
        let reply = send_packed(&server, coding, &bomb).await;
        let info = reply.failure(413, "MICROSERVICE_TOO_LARGE");
        assert!(
            info.contains("allowed are 1048576 bytes (--max-body-size"),
            "{info}"
        );
        let seen = server.recorder.last().await;
        assert_eq!(seen.code, "413");
        let reply = send_packed(&small, coding, &bomb).await;
        let info = reply.failure(413, "MICROSERVICE_TOO_LARGE");
        assert!(info.contains("--max-memory"), "{info}");
        // What the connection's last request took goes with it.
        while budget.used() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    // Just so many bytes are not too many.
    let body = [HELLO, &" ".repeat((1 << 20) - HELLO.len())].concat();
    let reply = send_packed(&server, "gzip", &gzip(body.as_bytes())).await;
    assert_eq!(reply.text(), "echo hello");
}

/// A component that sees requests as they come, and has a page.
#[derive(Default)]
struct Echo {
    seen: Mutex<Vec<Original>>,
}

#[async_trait]
impl Service for Echo {
    async fn call(&self, context: &Context, request: Request) -> Result<Response> {
        self.see(context);
        match request.input {
            streeling_core::Input::Message(message) => Ok(Response::complete(message)),
            other => unreachable!("{other:?}"),
        }
    }

    fn wants(&self) -> Wants {
        Wants {
            head: true,
            body: true,
            pages: true,
        }
    }

    async fn page(&self, context: &Context) -> Result<Option<Page>> {
        self.see(context);
        let body = vec![b'a'; 5000].into();
        let is_packed = context.original.as_ref().unwrap().target == "/packed";
        let headers = is_packed.then(|| ("content-encoding".to_owned(), "br".into()));
        Ok(Some(Page {
            status: Some(200),
            headers: headers.into_iter().collect(),
            body,
        }))
    }
}

impl Echo {
    fn see(&self, context: &Context) {
        let original = context.original.as_deref().unwrap().clone();
        self.seen.lock().unwrap().push(original);
    }
}

#[tokio::test(start_paused = true)]
async fn a_component_sees_an_unpacked_body_and_its_pages_get_what_came() {
    let echo = Arc::new(Echo::default());
    let models = Models::one("echo", Arc::<Echo>::clone(&echo));
    let server = Server::serving(&config(), vec![Arc::new(Seldon::default())], models);
    let packed = gzip(HELLO.as_bytes());
    let lines = "content-encoding: gzip\r\nx-other: 1";
    let plain = request("/predict", JSON, "x-other: 1", HELLO.as_bytes());
    send(&server, &request("/predict", JSON, lines, &packed)).await;
    send(&server, &request("/own", JSON, lines, &packed)).await;
    send(&server, &plain).await;
    let lines = "content-encoding: br";
    send(&server, &request("/own", JSON, lines, b"whatever it is")).await;
    let seen = echo.seen.lock().unwrap();
    let names = |index: usize| -> Vec<_> {
        let headers = seen[index].headers.iter();
        headers.map(|(name, _)| name.as_str()).collect()
    };
    assert_eq!(seen[0].body, HELLO);
    assert_eq!(names(0), ["host", "content-type", "x-other"]);
    assert_eq!(seen[1].body, packed);
    assert!(names(1).contains(&"content-encoding") && names(1).contains(&"content-length"));
    assert_eq!(seen[2].body, HELLO);
    assert!(names(2).contains(&"content-length"));
    assert_eq!(seen[3].body, "whatever it is");
}

fn from(bytes: usize) -> Config {
    Config {
        compress_from: Some(bytes),
        ..config()
    }
}

/// What a client gets of a response.
fn unpacked(reply: &Reply) -> Vec<u8> {
    let mut body = Vec::new();
    match reply.header("content-encoding") {
        None => body.extend_from_slice(&reply.body),
        Some("gzip") => drop(GzDecoder::new(&*reply.body).read_to_end(&mut body).unwrap()),
        Some("deflate") => drop(
            ZlibDecoder::new(&*reply.body)
                .read_to_end(&mut body)
                .unwrap(),
        ),
        Some("zstd") => body = zstd::decode_all(&*reply.body).unwrap(),
        other => panic!("{other:?}"),
    }
    body
}

async fn repeat(server: &Server, count: usize, accepted: &str) -> Reply {
    let body = format!(r#"{{"strData":"repeat {count}"}}"#);
    let lines = format!("accept-encoding: {accepted}");
    send(server, &request("/predict", JSON, &lines, body.as_bytes())).await
}

#[tokio::test(start_paused = true)]
async fn responses_are_packed_as_their_clients_like_it() {
    let server = Server::with(&from(1000));
    for (accepted, coding) in [
        ("gzip", Some("gzip")),
        ("gzip, deflate, br, zstd", Some("gzip")),
        ("deflate", Some("deflate")),
        ("gzip;q=0.5, zstd;q=0.9", Some("zstd")),
        ("gzip;q=0, *;q=0.5", Some("zstd")),
        ("*", Some("gzip")),
        ("gzip;q=0", None),
        ("gzip;q=0.5, identity;q=1", None),
        ("br", None),
        ("", None),
    ] {
        for count in [5_000, 600_000] {
            let reply = repeat(&server, count, accepted).await;
            assert_eq!(reply.status, 200);
            assert_eq!(reply.header("content-encoding"), coding, "{accepted}");
            assert_eq!(reply.header("vary"), Some("Accept-Encoding"), "{accepted}");
            assert_eq!(reply.header("content-type"), Some(JSON));
            assert_eq!(coding.is_some(), reply.body.len() < count / 5, "{accepted}");
            let body = String::from_utf8(unpacked(&reply)).unwrap();
            assert!(body.contains(&"x".repeat(count)), "{accepted}");
            let sent = server.recorder.last().await.sent;
            assert_eq!(sent, reply.body.len() as u64);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_smaller_and_everything_by_default_goes_out_as_it_is() {
    let server = Server::start();
    let reply = repeat(&server, 50_000, "gzip").await;
    let (coding, vary) = (reply.header("content-encoding"), reply.header("vary"));
    assert_eq!((coding, vary), (None, None));
    let text = repeat(&server, 500, "gzip").await.body;
    for (bytes, coding) in [(text.len() + 1, None), (text.len(), Some("gzip"))] {
        let server = Server::with(&from(bytes));
        let reply = repeat(&server, 500, "gzip").await;
        assert_eq!(reply.header("content-encoding"), coding);
        assert_eq!(reply.header("vary").is_some(), coding.is_some());
        assert_eq!(unpacked(&reply), text);
    }
    // What gets no shorter.
    let server = Server::with(&from(1));
    let reply =
        server.call("GET /health/ping HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n");
    let reply = reply.await;
    assert_eq!(
        (reply.header("content-encoding"), &*reply.body),
        (None, &b"pong"[..])
    );
}

#[tokio::test(start_paused = true)]
async fn head_has_the_headers_of_get() {
    let server = Server::with(&from(100));
    let request = |verb: &str| {
        format!("{verb} /seldon.json HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n")
    };
    let get = server.call(&request("GET")).await;
    assert_eq!(get.header("content-encoding"), Some("gzip"));
    let head = server.call(&request("HEAD")).await;
    assert!(head.body.is_empty());
    let without_date = |reply: &Reply| {
        let headers = reply.headers.iter().filter(|(name, _)| name != "date");
        headers.cloned().collect::<Vec<_>>()
    };
    assert_eq!(without_date(&head), without_date(&get));
}

#[tokio::test(start_paused = true)]
async fn errors_are_packed_and_what_a_component_has_packed_is_left() {
    let server = Server::with(&from(100));
    let lines = "accept-encoding: gzip";
    let nowhere = format!("/{}", "x".repeat(500));
    let reply = send(&server, &request(&nowhere, JSON, lines, b"{}")).await;
    assert_eq!(
        (reply.status, reply.header("content-encoding")),
        (404, Some("gzip"))
    );
    let models = Models::one("echo", Arc::new(Echo::default()));
    let server = Server::serving(&from(100), vec![Arc::new(Seldon::default())], models);
    for (target, coding, vary) in [
        ("/own", Some("gzip"), Some("Accept-Encoding")),
        ("/packed", Some("br"), None),
    ] {
        let reply = send(&server, &request(target, JSON, lines, b"")).await;
        assert_eq!(reply.header("content-encoding"), coding);
        assert_eq!(reply.header("vary"), vary);
    }
}

#[tokio::test(start_paused = true)]
async fn without_memory_for_it_a_response_goes_out_as_it_is() {
    // Text that hardly gets shorter needs about as much again.
    let mut random = 1_u64;
    let text: String = std::iter::repeat_with(|| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'0' + (random >> 59) as u8)
    })
    .take(200_000)
    .collect();
    let body = format!(r#"{{"strData":"{text}"}}"#);
    let lines = "accept-encoding: gzip";
    let request = request("/predict", JSON, lines, body.as_bytes());
    for (memory, coding) in [(64 << 20, Some("gzip")), (700_000, None)] {
        let server = Server::within(&from(1000), Budget::new(memory));
        let reply = send(&server, &request).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("content-encoding"), coding, "{memory}");
        let expected = format!("echo {text}");
        assert!(
            String::from_utf8(unpacked(&reply))
                .unwrap()
                .contains(&expected)
        );
    }
}
