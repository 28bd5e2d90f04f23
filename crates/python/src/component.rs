//! The pool as a component: what the class defines goes to a worker, the rest is answered here.

use async_trait::async_trait;
use bytes::Bytes;
use streeling_codec::json;
use streeling_core::{
    Answer, Component, Context, Error, ErrorKind, Feedback, Message, Method, Output, RawJson,
    Result, Tensor,
};

use crate::pool::Pool;
use crate::reply::Outcome;
use crate::request::Request;

/// What a method is called on, borrowed.
enum Input<'a> {
    Message(&'a Message),
    Messages(&'a [Message]),
    Feedback(&'a Feedback, Option<i32>),
    Nothing,
}

impl Input<'_> {
    /// As the items of the plain method.
    fn plain(&self) -> Request {
        let mut request = Request::new();
        match self {
            Self::Message(message) => request.message(message),
            Self::Messages(messages) => messages.iter().for_each(|one| request.message(one)),
            Self::Feedback(feedback, routing) => request.feedback(feedback, *routing),
            Self::Nothing => {}
        }
        request
    }

    /// As one JSON document for the `_raw` method.
    fn whole(&self) -> Request {
        let mut text = Vec::new();
        match self {
            Self::Message(message) => json::encode_message(message, &mut text),
            Self::Messages(messages) => json::encode_messages(messages, &mut text),
            Self::Feedback(feedback, _) => json::encode_feedback(feedback, &mut text),
            Self::Nothing => text.extend_from_slice(b"{}"),
        }
        let mut request = Request::new();
        request.whole(&text);
        request
    }
}

impl Pool {
    /// Calls the `_raw` method if the class has one and it does not decline, else the plain one;
    /// `None` when the class has neither.
    async fn ask(
        &self,
        context: &Context,
        method: Method,
        input: Input<'_>,
    ) -> Result<Option<Answer>> {
        let ready = self.ready()?;
        if ready.methods.has_raw(method) {
            match self.outcome(context, method, input.whole()).await? {
                Outcome::Answer(answer) => return Ok(Some(answer)),
                Outcome::Error(error) => return Err(error),
                Outcome::Declined => {}
            }
        }
        if !ready.methods.has(method) {
            return Ok(None);
        }
        match self.outcome(context, method, input.plain()).await? {
            Outcome::Answer(answer) => Ok(Some(answer)),
            Outcome::Error(error) => Err(error),
            Outcome::Declined => Ok(None),
        }
    }

    async fn outcome(
        &self,
        context: &Context,
        method: Method,
        request: Request,
    ) -> Result<Outcome> {
        let reply = self.exchange(method, request, context.deadline).await?;
        reply.outcome().map_err(|fault| {
            Error::new(
                ErrorKind::Internal,
                format!("the worker's answer cannot be read: {fault}"),
            )
        })
    }
}

#[async_trait]
impl Component for Pool {
    async fn predict(&self, context: &Context, input: &Message) -> Result<Answer> {
        let answer = self
            .ask(context, Method::Predict, Input::Message(input))
            .await?;
        // As the incumbent does for a class without `predict`.
        Ok(answer.unwrap_or_else(|| Tensor::empty().into()))
    }

    async fn transform_input(&self, context: &Context, input: &Message) -> Result<Answer> {
        let answer = self
            .ask(context, Method::TransformInput, Input::Message(input))
            .await?;
        Ok(answer.unwrap_or_else(|| Output::Unchanged.into()))
    }

    async fn transform_output(&self, context: &Context, input: &Message) -> Result<Answer> {
        let answer = self
            .ask(context, Method::TransformOutput, Input::Message(input))
            .await?;
        Ok(answer.unwrap_or_else(|| Output::Unchanged.into()))
    }

    async fn route(&self, context: &Context, input: &Message) -> Result<Answer> {
        let answer = self
            .ask(context, Method::Route, Input::Message(input))
            .await?;
        answer.ok_or_else(|| not_defined("Route"))
    }

    async fn aggregate(&self, context: &Context, inputs: &[Message]) -> Result<Answer> {
        let answer = self
            .ask(context, Method::Aggregate, Input::Messages(inputs))
            .await?;
        answer.ok_or_else(|| not_defined("Aggregate"))
    }

    async fn send_feedback(
        &self,
        context: &Context,
        feedback: &Feedback,
        routing: Option<i32>,
    ) -> Result<Answer> {
        let input = Input::Feedback(feedback, routing);
        let answer = self.ask(context, Method::SendFeedback, input).await?;
        Ok(answer.unwrap_or_default())
    }

    async fn health_status(&self, context: &Context) -> Result<Answer> {
        let answer = self
            .ask(context, Method::HealthStatus, Input::Nothing)
            .await?;
        Ok(answer.unwrap_or_else(|| Output::Text("healthy".to_owned()).into()))
    }

    async fn metadata(&self) -> Result<RawJson> {
        let ready = self.ready()?;
        if let Some(error) = &ready.metadata_error {
            return Err(Error::new(ErrorKind::BadMetadata, error.clone()));
        }
        let text = ready
            .metadata
            .as_deref()
            .map_or("{}", |metadata| metadata.get());
        Ok(RawJson::from_checked(Bytes::copy_from_slice(
            text.as_bytes(),
        )))
    }
}

fn not_defined(method: &str) -> Error {
    Error::new(ErrorKind::NotImplemented, format!("{method} not defined"))
}
