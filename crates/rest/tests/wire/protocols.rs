//! The transport serves any protocol: one of our own beside Seldon's.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use streeling_core::{Input, Message, Method, Operation, Payload, Response, Result};
use streeling_rest::seldon::{HealthOnly, Seldon};
use streeling_rest::{
    Action, Decoded, Form, Params, Problem, Protocol, Reply, Route, Undecoded, Verbs, html, json,
};

use crate::support::{Server, config, post};

/// Plain text in and out, the model's name in the path, and a page that streams.
struct Plain;

const fn route(path: &'static str, verbs: Verbs, action: Action) -> Route {
    Route {
        path,
        verbs,
        action,
        operation: Operation::new("plain", "Plain"),
        summary: "a test",
    }
}

static ROUTES: [Route; 3] = [
    route(
        "/models/{model}:run",
        Verbs::Post,
        Action::Call(Method::Predict),
    ),
    route(
        "/models/{model}",
        Verbs::Get,
        Action::Call(Method::Metadata),
    ),
    route("/count", Verbs::Get, Action::Page("count")),
];

impl Protocol for Plain {
    fn routes(&self) -> &'static [Route] {
        &ROUTES
    }

    fn page(&self, _: &'static str, _: &Params, _: bool) -> Reply {
        let pieces = (0..3).map(|number| Ok(Bytes::from(format!("{number};"))));
        streeling_rest::stream("text/plain", stream::iter(pieces).boxed_sync())
    }

    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        let text = String::from_utf8_lossy(&undecoded.body).into_owned();
        let message = Message {
            payload: Payload::Text(text),
            ..Message::default()
        };
        Ok(Input::Message(message).into())
    }

    fn encoded_size(&self, response: &Response) -> usize {
        response.message.payload.size(8)
    }

    fn encode(&self, _: Method, response: Response, _: usize, _: Form) -> Result<Reply> {
        Ok(match response.message.payload {
            Payload::Text(text) => html(text),
            Payload::Json(value) => json(StatusCode::OK, value.into_bytes()),
            other => unreachable!("{other:?}"),
        })
    }

    fn problem(&self, problem: Problem<'_>) -> Reply {
        let text = match problem {
            Problem::NotFound(path) => format!("no {path}"),
            Problem::NotAllowed { verb, .. } => format!("no {verb}"),
            Problem::Error(error) => error.info.clone(),
        };
        let mut reply = html(text);
        *reply.status_mut() = StatusCode::IM_A_TEAPOT;
        reply
    }
}

/// A stream as a response's body takes it.
trait BoxedSync: Sized {
    fn boxed_sync(self) -> streeling_rest::Pieces;
}

impl<S> BoxedSync for S
where
    S: futures_util::Stream<Item = std::io::Result<Bytes>> + Send + Sync + 'static,
{
    fn boxed_sync(self) -> streeling_rest::Pieces {
        Box::pin(self.map(|piece| piece))
    }
}

fn server() -> Server {
    Server::speaking(
        &config(),
        vec![Arc::new(Seldon::default()), Arc::new(Plain)],
    )
}

#[tokio::test(start_paused = true)]
async fn the_model_is_looked_up_by_the_name_in_the_path() {
    let server = server();
    let run = |model: &str, text: &str| post(&format!("/models/{model}:run"), "text/plain", text);
    let reply = server.call(&run("scripted", "hello")).await;
    assert_eq!((reply.status, &*reply.body), (200, &b"echo hello"[..]));
    let reply = server.call(&run("scrip%74ed", "hello")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(
        server.get("/models/scripted").await.json()["name"],
        "scripted"
    );

    let unknown = server.call(&run("other", "hello")).await;
    assert_eq!(unknown.status, 418);
    let text = String::from_utf8_lossy(&unknown.body).into_owned();
    assert_eq!(text, r#"no model "other" is served here, only "scripted""#);
    assert_eq!(server.model.started.get(), 2);
    let seen = server.recorder.seen();
    assert!(seen.iter().all(|seen| seen.label == "plain"), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn each_protocol_fails_in_its_own_words() {
    let server = server();
    assert_eq!(
        server.call(&post("/count", "text/plain", "")).await.status,
        418
    );
    let kind = post("/models/scripted:run", "text/plain", "kind QueueFull");
    let reply = server.call(&kind).await;
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (418, Some("1"))
    );
    server
        .command("kind QueueFull")
        .await
        .failure(503, "MICROSERVICE_QUEUE_FULL");
    // Where no route is found, the first protocol speaks.
    let nowhere = server.get("/models/a/b").await;
    nowhere.failure(404, "MICROSERVICE_NOT_FOUND");
}

#[tokio::test(start_paused = true)]
async fn a_body_may_stream() {
    let server = server();
    let mut client = server.connect();
    client.send("GET /count HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let reply = client.receive(true).await.unwrap();
    assert_eq!(reply.header("transfer-encoding"), Some("chunked"));
    assert_eq!(
        client.rest(b"0\r\n\r\n").await,
        "2\r\n0;\r\n2\r\n1;\r\n2\r\n2;\r\n0\r\n\r\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_port_of_health_alone_refuses_everything_else() {
    let protocol = HealthOnly::new("it is served elsewhere");
    let server = Server::speaking(&config(), vec![Arc::new(protocol)]);
    let ping = server.get("/health/ping").await;
    assert_eq!((ping.status, &*ping.body), (200, &b"pong"[..]));
    for path in ["/health/status", "/api/v1.0/health/status"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    let called = server.model.started.get();
    for path in ["/metadata", "/seldon.json", "/", "/predict?json={}"] {
        let refused = server.get(path).await;
        let info = refused.failure(503, "MICROSERVICE_NOT_READY");
        assert_eq!(info, "it is served elsewhere", "{path}");
    }
    let refused = server.post("/predict", "{}").await;
    refused.failure(503, "MICROSERVICE_NOT_READY");
    assert_eq!(server.model.started.get(), called);
}
