//! A model whose every response a test can choose.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use streeling_core::{
    Component, Context, Error, ErrorKind, Feedback, Message, Payload, RawJson, Response, Result,
    Status,
};
use tokio::sync::watch;
use tokio::time::sleep;

/// A model that echoes, unless the text that it gets is a command.
///
/// Commands: `sleep MS`, `panic TEXT`, `kind KIND` (an error of that kind), `http STATUS` and
/// `grpc STATUS` (an error with that status), `status CODE` (a message with that code in it),
/// `repeat N` (a text of N bytes). Clones share their counts.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    /// Calls that started.
    pub started: Count,
    /// Calls that were dropped before their end.
    pub dropped: Count,
}

/// A number that only grows.
#[derive(Clone, Debug, Default)]
pub struct Count(Arc<watch::Sender<usize>>);

impl Count {
    /// The number so far.
    #[must_use]
    pub fn get(&self) -> usize {
        *self.0.borrow()
    }

    /// Waits until it has come to `number`.
    pub async fn reached(&self, number: usize) {
        let mut count = self.0.subscribe();
        let reached = count.wait_for(|count| *count >= number).await;
        reached.expect("the sender lives as long as this");
    }

    fn add(&self) {
        self.0.send_modify(|count| *count += 1);
    }
}

struct Guard<'a>(Option<&'a Count>);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.0 {
            count.add();
        }
    }
}

async fn run(command: &str) -> Result<Response> {
    let (verb, argument) = command.split_once(' ').unwrap_or((command, ""));
    match verb {
        "sleep" => {
            sleep(Duration::from_millis(number(argument)?)).await;
            Ok("slept".to_owned().into())
        }
        "panic" => panic!("{argument}"),
        "kind" => {
            let kind = ErrorKind::ALL
                .into_iter()
                .find(|kind| format!("{kind:?}") == argument)
                .ok_or_else(|| unknown(argument))?;
            Err(Error::new(
                kind,
                format!("failed as scripted: {argument} \"é\n"),
            ))
        }
        "http" => Err(Error {
            http_status: Some(number(argument)?),
            reason: Some("OWN_REASON".into()),
            code: Some(7),
            ..Error::new(ErrorKind::Component, "own")
        }),
        "grpc" => Err(Error {
            grpc_status: Some(number(argument)?),
            ..Error::new(ErrorKind::Component, "own")
        }),
        "status" => Ok(Response::complete(Message {
            status: Some(Box::new(Status {
                code: number(argument)?,
                info: "as returned".to_owned(),
                failure: true,
                ..Status::default()
            })),
            ..Message::default()
        })),
        "repeat" => Ok("x".repeat(number(argument)?).into()),
        _ => Ok(format!("echo {command}").into()),
    }
}

#[async_trait]
impl Component for Scripted {
    async fn predict(&self, _: &Context, input: Message) -> Result<Response> {
        self.started.add();
        let mut guard = Guard(Some(&self.dropped));
        let response = match &input.payload {
            Payload::Text(command) => run(command).await,
            _ => Ok(Response::unchanged(input)),
        };
        guard.0 = None;
        response
    }

    async fn aggregate(&self, _: &Context, inputs: Vec<Message>) -> Result<Response> {
        Ok(format!("{} messages", inputs.len()).into())
    }

    async fn send_feedback(&self, _: &Context, feedback: Feedback) -> Result<Response> {
        Ok(format!("reward {}", feedback.reward).into())
    }

    async fn metadata(&self) -> Result<RawJson> {
        let text = br#"{"name":"scripted"}"#;
        Ok(RawJson::from_checked(Bytes::from_static(text)))
    }
}

fn number<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| unknown(text))
}

fn unknown(command: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("no such command: {command}"))
}
