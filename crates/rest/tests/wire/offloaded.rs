//! What is large takes none of its time on the thread that moves bytes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};

use async_trait::async_trait;
use streeling_core::{Context, Error, ErrorKind, Input, Message, Method, Models, Payload, RawJson};
use streeling_core::{RawMessage, Request, Response, Result, Service};
use streeling_rest::seldon::Seldon;
use streeling_rest::{Decoded, Form, Params, Problem, Protocol, Reply, Route, Undecoded};
use tokio::time::sleep;

use crate::support::{Server, TIMEOUT, config, post};

/// Bytes of what is large.
const LARGE: usize = 1 << 20;

/// The threads on which each part of the work was done.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<BTreeSet<(&'static str, bool)>>>);

impl Log {
    /// Notes that `part` was done, and whether on the thread of the test, which moves the bytes.
    fn note(&self, part: &'static str, mover: ThreadId) {
        let is_here = thread::current().id() == mover;
        self.0.lock().unwrap().insert((part, is_here));
    }

    fn take(&self) -> Vec<(&'static str, bool)> {
        std::mem::take(&mut *self.0.lock().unwrap())
            .into_iter()
            .collect()
    }
}

/// Seldon's protocol, with notes.
struct Noted(Seldon, Log, ThreadId);

impl Protocol for Noted {
    fn routes(&self) -> &'static [Route] {
        self.0.routes()
    }

    fn page(&self, page: &'static str, params: &Params, is_ready: bool) -> Reply {
        self.0.page(page, params, is_ready)
    }

    fn raw_message(&self, undecoded: Undecoded<'_>) -> Result<Option<(RawMessage, Input)>> {
        self.0.raw_message(undecoded)
    }

    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        self.1.note("decode", self.2);
        self.0.decode(undecoded)
    }

    fn encoded_size(&self, response: &Response) -> usize {
        self.0.encoded_size(response)
    }

    fn encode(&self, method: Method, response: Response, size: usize, form: Form) -> Result<Reply> {
        self.1.note("encode", self.2);
        self.0.encode(method, response, size, form)
    }

    fn problem(&self, problem: Problem<'_>) -> Reply {
        self.1.note("problem", self.2);
        self.0.problem(problem)
    }
}

/// Responds with `reply` characters, or fails with as many.
struct Model(Log, ThreadId);

/// Notes where it is dropped.
struct Dropped(Log, ThreadId);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.note("drop", self.1);
    }
}

#[async_trait]
impl Service for Model {
    async fn call(&self, _: &Context, request: Request) -> Result<Response> {
        self.0.note("call", self.1);
        let _dropped = Dropped(self.0.clone(), self.1);
        let Input::Message(message) = request.input else {
            return Err(Error::new(ErrorKind::Internal, "no message"));
        };
        let Payload::Text(text) = message.payload else {
            return Err(Error::new(ErrorKind::Internal, "no text"));
        };
        let mut words = text.split(' ');
        let (word, size) = (words.next(), words.next());
        let size = size.and_then(|size| size.parse().ok()).unwrap_or(1);
        match word {
            Some("fail") => Err(Error::new(ErrorKind::Component, "x".repeat(size))),
            Some("wait") => {
                sleep(TIMEOUT / 10).await;
                self.0.note("after", self.1);
                Ok("waited".to_owned().into())
            }
            Some("tag") => {
                let mut message = Message::default();
                let tag = RawJson::from_checked(format!("\"{}\"", "x".repeat(size)).into());
                message.meta.tags.insert("a".to_owned(), tag);
                Ok(Response::complete(message))
            }
            _ => Ok("x".repeat(size).into()),
        }
    }
}

fn server(log: &Log) -> Server {
    let mover = thread::current().id();
    let protocol = Noted(Seldon::default(), log.clone(), mover);
    let models = Models::one("model", Arc::new(Model(log.clone(), mover)));
    Server::serving(&config(), vec![Arc::new(protocol)], models)
}

fn predict(order: &str, size: usize) -> String {
    let body = format!(r#"{{"strData":"{order} {}"}}"#, "a".repeat(size));
    post("/predict", "application/json", &body)
}

#[tokio::test(start_paused = true)]
async fn large_requests_take_no_step_where_bytes_are_moved() {
    let log = Log::default();
    let server = server(&log);
    for (order, size, status, parts) in [
        ("say 3", 10, 200, &["call", "decode", "drop", "encode"][..]),
        ("say 3", LARGE, 200, &["call", "decode", "drop"]),
        ("wait 0", LARGE, 200, &["after", "call", "decode", "drop"]),
        ("fail 3", LARGE, 500, &["call", "decode", "drop"]),
    ] {
        let reply = server.call(&predict(order, size)).await;
        assert_eq!(reply.status, status, "{order}");
        let is_large = size == LARGE;
        let log = log.take();
        let seen = |part: &&str| log.contains(&(*part, !is_large));
        assert!(parts.iter().all(seen), "{order}: {log:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn large_responses_are_written_elsewhere() {
    let log = Log::default();
    let server = server(&log);
    for (order, status, part) in [
        ("say", 200, "encode"),
        ("tag", 200, "encode"),
        ("fail", 500, "problem"),
    ] {
        for (size, is_here) in [(10, true), (LARGE, false)] {
            let reply = server.call(&predict(&format!("{order} {size}"), 1)).await;
            assert_eq!(reply.status, status, "{order} {size}");
            assert!(reply.body.len() > size);
            assert!(log.take().contains(&(part, is_here)), "{order} {size}");
        }
    }
}

/// A request whose client has gone is given up where it is, not where bytes are moved.
#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_dropped_elsewhere() {
    let log = Log::default();
    let server = server(&log);
    let mut client = server.connect();
    client.send(predict("wait 0", LARGE)).await;
    while !log.0.lock().unwrap().contains(&("call", false)) {
        sleep(TIMEOUT / 1_000_000).await;
    }
    drop(client);
    while log
        .0
        .lock()
        .unwrap()
        .iter()
        .all(|(part, _)| *part != "drop")
    {
        sleep(TIMEOUT / 1_000_000).await;
    }
    assert!(log.take().contains(&("drop", false)));
}
