//! A component whose every response a test can choose.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use streeling_core::{
    Answer, Component, Context, Error, ErrorKind, Feedback, Message, Output, Payload, RawJson,
    Result, Status,
};
use tokio::time::sleep;

/// A component that echoes, unless the text that it gets is a command.
///
/// Commands: `sleep MS`, `panic TEXT`, `kind KIND` (an error of that kind), `http STATUS` and
/// `grpc STATUS` (an error with that status), `status CODE` (a response with that code in it),
/// `repeat N` (a response of N bytes).
#[derive(Debug, Default)]
pub struct Scripted {
    /// Calls that have started.
    pub started: AtomicUsize,
    /// Calls that were dropped before their end.
    pub dropped: Arc<AtomicUsize>,
}

struct Guard(Option<Arc<AtomicUsize>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Scripted {
    async fn run(&self, input: &Message) -> Result<Answer> {
        self.started.fetch_add(1, Ordering::SeqCst);
        let mut guard = Guard(Some(Arc::clone(&self.dropped)));
        let response = match &input.payload {
            Payload::Text(command) => run_command(command).await,
            _ => Ok(Output::Unchanged.into()),
        };
        guard.0 = None;
        response
    }
}

async fn run_command(command: &str) -> Result<Answer> {
    let (name, argument) = command.split_once(' ').unwrap_or((command, ""));
    match name {
        "sleep" => {
            sleep(Duration::from_millis(number(argument)?)).await;
            Ok(Output::Text("slept".to_owned()).into())
        }
        "panic" => panic!("{argument}"),
        "kind" => {
            let kind = ErrorKind::ALL
                .into_iter()
                .find(|kind| format!("{kind:?}") == argument)
                .ok_or_else(|| unknown(argument))?;
            Err(Error::new(
                kind,
                format!("scripted failure: {argument} \"é\n"),
            ))
        }
        "http" => Err(Error {
            http_status: Some(number(argument)?),
            reason: Some("OWN_REASON".into()),
            code: 7,
            ..Error::new(ErrorKind::Component, "own")
        }),
        "grpc" => Err(Error {
            grpc_status: Some(number(argument)?),
            ..Error::new(ErrorKind::Component, "own")
        }),
        "status" => Ok(Output::Message(Box::new(Message {
            status: Some(Status {
                code: number(argument)?,
                info: "as scripted".to_owned(),
                failure: true,
                ..Status::default()
            }),
            ..Message::default()
        }))
        .into()),
        "repeat" => Ok(Output::Text("x".repeat(number(argument)?)).into()),
        _ => Ok(Output::Text(format!("echo {command}")).into()),
    }
}

#[async_trait]
impl Component for Scripted {
    async fn predict(&self, _: &Context, input: &Message) -> Result<Answer> {
        self.run(input).await
    }

    async fn aggregate(&self, _: &Context, inputs: &[Message]) -> Result<Answer> {
        Ok(Output::Text(format!("{} messages", inputs.len())).into())
    }

    async fn send_feedback(
        &self,
        _: &Context,
        feedback: &Feedback,
        _: Option<i32>,
    ) -> Result<Answer> {
        Ok(Output::Text(format!("reward {}", feedback.reward)).into())
    }

    async fn metadata(&self) -> Result<RawJson> {
        Ok(RawJson::from_checked(Bytes::from_static(
            br#"{"name":"scripted"}"#,
        )))
    }
}

fn number<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| unknown(text))
}

fn unknown(text: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("unknown command: {text}"))
}
