//! A component whose every answer a test can choose.

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

/// A component that does as it is told: it echoes, unless the text that it gets is an order.
///
/// Orders: `sleep MS`, `panic TEXT`, `kind KIND` (an error of that kind), `http STATUS` and `grpc STATUS` (an error that
/// asks for that status), `status CODE` (an answer with that code in it), `repeat N` (an answer of N bytes).
#[derive(Debug, Default)]
pub struct Obedient {
    /// Calls that began.
    pub begun: AtomicUsize,
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

impl Obedient {
    async fn obey(&self, input: &Message) -> Result<Answer> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        let mut guard = Guard(Some(Arc::clone(&self.dropped)));
        let answer = match &input.payload {
            Payload::Text(order) => order_of(order).await,
            _ => Ok(Output::Unchanged.into()),
        };
        guard.0 = None;
        answer
    }
}

async fn order_of(order: &str) -> Result<Answer> {
    let (verb, argument) = order.split_once(' ').unwrap_or((order, ""));
    match verb {
        "sleep" => {
            sleep(Duration::from_millis(number(argument)?)).await;
            Ok(Output::Text("slept".to_owned()).into())
        }
        "panic" => panic!("{argument}"),
        "kind" => {
            let kind = ErrorKind::ALL
                .into_iter()
                .find(|kind| format!("{kind:?}") == argument)
                .ok_or_else(|| misunderstood(argument))?;
            Err(Error::new(kind, format!("told to fail: {argument} \"é\n")))
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
                info: "as answered".to_owned(),
                failure: true,
                ..Status::default()
            }),
            ..Message::default()
        }))
        .into()),
        "repeat" => Ok(Output::Text("x".repeat(number(argument)?)).into()),
        _ => Ok(Output::Text(format!("echo {order}")).into()),
    }
}

#[async_trait]
impl Component for Obedient {
    async fn predict(&self, _: &Context, input: &Message) -> Result<Answer> {
        self.obey(input).await
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
            br#"{"name":"obedient"}"#,
        )))
    }
}

fn number<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| misunderstood(text))
}

fn misunderstood(text: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("no such order: {text}"))
}
