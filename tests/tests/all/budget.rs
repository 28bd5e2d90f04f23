//! The memory that requests under way may take: how much, for whom, and that it comes back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Barrier;

use serde_json::{Value, json};
use streeling_testkit::{Request, Response, Server};

use crate::memory::resident;
use crate::metrics::{scrape, value};
use crate::support::{Gate, TIMEOUT, eventually, perform, scripted, send_json, step};

pub(crate) const MIB: usize = 1 << 20;

/// What a server may grow by beside the budget: connections' buffers, and what the allocator keeps.
pub(crate) const BESIDE: usize = 64 * MIB;

/// Bytes that requests under way take, by the server's own account.
pub(crate) fn used(server: &Server) -> f64 {
    let text = scrape(server);
    let uses = ["received", "decoded", "response"];
    let of = |name| value(&text, "streeling_memory_used_bytes", &[("use", name)]);
    uses.into_iter().map(of).sum()
}

pub(crate) fn refused(server: &Server, reason: &str) -> f64 {
    let labels = [("reason", reason)];
    value(&scrape(server), "streeling_memory_refused_total", &labels)
}

pub(crate) fn eventually_free(server: &Server) {
    eventually("all memory given back", || used(server) == 0.0);
}

fn limited(limit: &str) -> Server {
    let server = scripted(&["--max-memory", limit]);
    perform(&server, "sleep", &json!({"seconds": 0}));
    server
}

/// Starts a request of this framing and sends some of its body.
fn start(server: &Server, framing: &str, some: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.set_write_timeout(Some(TIMEOUT)).unwrap();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-type: application/json\r\n{framing}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(some).unwrap();
    stream
}

fn claiming(server: &Server, length: usize, sent: usize) -> TcpStream {
    let framing = format!("content-length: {length}");
    start(server, &framing, &vec![b' '; sent])
}

/// The status of the response, and its text.
fn response(mut stream: &TcpStream) -> (u16, String) {
    let mut text = Vec::new();
    // What was refused may be cut off behind its response.
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8(text).unwrap();
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{text:?}")), text)
}

/// Whether a response has come, without waiting for one.
fn has_response(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let peeked = stream.peek(&mut [0]);
    stream.set_nonblocking(false).unwrap();
    peeked.is_ok()
}

fn is_served(server: &Server) {
    assert_eq!(
        perform(server, "sleep", &json!({"seconds": 0, "number": 5}))["number"],
        5
    );
}

fn info(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    body["status"]["info"].as_str().unwrap().to_owned()
}

#[test]
fn what_never_fits_gets_413_and_what_does_not_fit_now_503() {
    let server = limited("16MiB");
    let (status, text) = response(&claiming(&server, 12 * MIB + 1, 0));
    assert_eq!(status, 413, "{text}");
    assert!(text.contains("--max-memory"), "{text}");
    let first = claiming(&server, 10 * MIB, 100);
    eventually("the claim is charged", || used(&server) > 10e6);
    let large = Request::json("/predict", vec![b' '; 4 * MIB]);
    let reply = server.send(&large).unwrap();
    assert_eq!((reply.status, &*reply.headers["retry-after"]), (503, "1"));
    assert!(info(&reply).contains("--max-memory"), "{}", info(&reply));
    let (_, body) = send_json(&server, &large);
    assert_eq!(body["status"]["reason"], "MICROSERVICE_MEMORY_FULL");
    is_served(&server);
    drop(first);
    eventually_free(&server);
    // It has room now, and is no JSON.
    assert_eq!(server.send(&large).unwrap().status, 400);
    assert_eq!(
        (refused(&server, "too_large"), refused(&server, "full")),
        (1.0, 2.0)
    );
    eventually_free(&server);
}

#[test]
fn half_received_bodies_keep_small_requests_out_of_nothing() {
    let server = limited("64MiB");
    let before = resident(&server);
    let claims: Vec<_> = (0..40).map(|_| claiming(&server, 8 * MIB, MIB)).collect();
    eventually("all are admitted or refused", || {
        claims.iter().filter(|stream| has_response(stream)).count() == 35
    });
    is_served(&server);
    assert!(resident(&server) < before + 64 * MIB + BESIDE);
    drop(claims);
    eventually_free(&server);
    // Of those that do not say how much will come, some grow no further, and the others can.
    let chunk = [
        format!("{MIB:x}\r\n").into_bytes(),
        vec![b' '; MIB],
        b"\r\n".to_vec(),
    ]
    .concat();
    let mut grown: Vec<_> = (0..20)
        .map(|_| start(&server, "transfer-encoding: chunked", &chunk))
        .collect();
    for _ in 0..12 {
        for stream in &mut grown {
            // One that was refused may be closed.
            let _ = stream.write_all(&chunk);
        }
        is_served(&server);
    }
    assert!(resident(&server) < before + 64 * MIB + BESIDE);
    let mut statuses: Vec<_> = grown
        .iter_mut()
        .map(|stream| {
            let _ = stream.write_all(b"0\r\n\r\n");
            response(stream).0
        })
        .collect();
    statuses.sort_unstable();
    statuses.dedup();
    // Those that came to their end are no JSON.
    assert_eq!(statuses, [400, 503]);
    eventually_free(&server);
}

#[test]
fn bodies_that_wait_for_a_slow_model_take_no_more_than_the_budget() {
    let server = scripted(&["--max-memory", "64MiB", "--threads", "1"]);
    perform(&server, "sleep", &json!({"seconds": 0}));
    let before = resident(&server);
    let gate = Gate::closed();
    let mut body = gate.hold(0).body.unwrap();
    let end = body.pop().unwrap();
    body.resize(MIB, b' ');
    body.push(end);
    let request = Request::json("/predict", body);
    const BODIES: usize = 150;
    let start = Barrier::new(BODIES);
    let statuses = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..BODIES)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    server.send(&request).unwrap().status
                })
            })
            .collect();
        eventually("what does not fit is refused", || {
            refused(&server, "full") > 90.0
        });
        assert!(resident(&server) < before + 64 * MIB + BESIDE);
        gate.open();
        let statuses = clients.into_iter().map(|client| client.join().unwrap());
        statuses.collect::<Vec<_>>()
    });
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    // Some three quarters of the budget, and what was with the worker already.
    assert_eq!(count(200) + count(503), BODIES, "{statuses:?}");
    assert!((40..60).contains(&count(200)), "{}", count(200));
    eventually_free(&server);
}

#[test]
fn short_messages_are_charged_for_what_they_become() {
    let server = limited("64MiB");
    let before = resident(&server);
    let list = |unit: &str, bytes: usize| {
        let units = unit.repeat(bytes / unit.len());
        units.strip_suffix(',').unwrap().to_owned()
    };
    let messages = |bytes| format!("[{}]", list(r#"{"strData":""},"#, bytes));
    let metrics = |bytes| {
        let metrics = list("{},", bytes);
        format!(r#"{{"strData":"","meta":{{"metrics":[{metrics}]}}}}"#)
    };
    let names = |bytes| {
        let names = list(r#""","#, bytes);
        format!(r#"{{"data":{{"names":[{names}],"ndarray":[1]}}}}"#)
    };
    for (path, body) in [
        ("/aggregate", messages(4 * MIB)),
        ("/predict", metrics(4 * MIB)),
        ("/predict", names(4 * MIB)),
    ] {
        let reply = server.send(&Request::json(path, body)).unwrap();
        assert_eq!(reply.status, 413, "{path}: {}", info(&reply));
        assert!(info(&reply).contains("--max-memory"), "{}", info(&reply));
        assert!(resident(&server) < before + 64 * MIB + BESIDE);
    }
    // What fits is served.
    for body in [metrics(20_000), names(20_000)] {
        assert_eq!(
            server
                .send(&Request::json("/predict", body))
                .unwrap()
                .status,
            200
        );
    }
    eventually_free(&server);
}

#[test]
fn responses_that_are_not_read_are_charged() {
    let server = limited("64MiB");
    let before = resident(&server);
    let text = "x".repeat(12 * MIB);
    let body = json!({"strData": text}).to_string();
    let framing = format!("content-length: {}", body.len());
    let mut full = 0;
    let unread: Vec<_> = (0..12)
        .map(|number| {
            let stream = start(&server, &framing, body.as_bytes());
            eventually("a response", || has_response(&stream));
            assert!(
                resident(&server) < before + 64 * MIB + BESIDE,
                "at {number}"
            );
            stream
        })
        .collect();
    let text = scrape(&server);
    let labels = [("use", "response")];
    let waiting = value(&text, "streeling_memory_used_bytes", &labels);
    assert!(waiting > 20e6, "{text}");
    is_served(&server);
    for stream in unread {
        let (status, text) = response(&stream);
        assert!(status == 503 || text.len() > 12 * MIB, "{status}");
        full += usize::from(status == 503);
    }
    assert!((1..12).contains(&full), "{full}");
    eventually_free(&server);
}

#[test]
fn clients_that_vanish_leave_nothing_charged() {
    let server = scripted(&[
        "--max-memory",
        "64MiB",
        "--threads",
        "2",
        "--max-queue",
        "50",
    ]);
    let whole = step("sleep", &json!({"seconds": 0.01})).body.unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (server, whole) = (&server, &whole);
            scope.spawn(move || {
                for number in 0..40 {
                    let length = (1 + (thread * 7 + number * 3) % 11) * MIB / 2;
                    let sent = length / (1 + number % 5);
                    let chunk = [format!("{sent:x}\r\n").into_bytes(), vec![b' '; sent]].concat();
                    let stream = match number % 4 {
                        0 => claiming(server, length, 100),
                        1 => claiming(server, whole.len() + sent, sent),
                        2 => start(server, "transfer-encoding: chunked", &chunk[..sent / 2]),
                        _ => start(server, &format!("content-length: {}", whole.len()), whole),
                    };
                    if number % 3 == 0 {
                        // It resets the connection, where the others close it.
                        stream.shutdown(Shutdown::Both).unwrap();
                    }
                }
            });
        }
    });
    eventually_free(&server);
    is_served(&server);
}
