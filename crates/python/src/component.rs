//! The pool as a component: what the class defines goes to a worker, the rest is answered here.

use async_trait::async_trait;
use bytes::Bytes;
use streeling_codec::json;
use streeling_core::{
    Answer, Component, Context, Error, ErrorKind, Feedback, Message, Method, Payload, RawJson,
    Result,
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
    /// Refuses what cannot be put into a frame.
    fn check(&self) -> Result<()> {
        let custom = |message: &Message| matches!(message.payload, Payload::Custom { .. });
        let refused = match self {
            Self::Message(message) => custom(message),
            Self::Messages(messages) => messages.iter().any(custom),
            Self::Feedback(feedback, _) => [&feedback.request, &feedback.response, &feedback.truth]
                .into_iter()
                .flatten()
                .any(custom),
            Self::Nothing => false,
        };
        if refused {
            return Err(Error::new(
                ErrorKind::BadData,
                "a Python component cannot be given customData, only data, binData, strData or jsonData",
            ));
        }
        Ok(())
    }

    /// Whether nobody has looked into it; the worker then chooses between plain and raw method.
    fn is_raw(&self) -> bool {
        matches!(
            self,
            Self::Message(Message {
                payload: Payload::Raw(_),
                ..
            })
        )
    }

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
    /// Calls the `_raw` method if the class has one and it does not decline, else the plain one.
    ///
    /// A class without the method is asked all the same: its worker answers as the incumbent does, with the
    /// class's tags and metrics on the answer.
    async fn ask(&self, context: &Context, method: Method, input: Input<'_>) -> Result<Answer> {
        input.check()?;
        if !input.is_raw()
            && self.ready()?.methods.has_raw(method)
            && let Outcome::Answer(answer) = self.outcome(context, method, input.whole()).await?
        {
            return Ok(answer);
        }
        match self.outcome(context, method, input.plain()).await? {
            Outcome::Answer(answer) => Ok(answer),
            Outcome::Declined => Err(not_defined(method)),
        }
    }

    /// As [`Pool::ask`], for a method that must be there: its absence costs no worker any time.
    async fn ask_defined(
        &self,
        context: &Context,
        method: Method,
        input: Input<'_>,
    ) -> Result<Answer> {
        let methods = &self.ready()?.methods;
        if methods.has(method) || methods.has_raw(method) {
            self.ask(context, method, input).await
        } else {
            Err(not_defined(method))
        }
    }

    async fn outcome(
        &self,
        context: &Context,
        method: Method,
        request: Request,
    ) -> Result<Outcome> {
        let reply = self.exchange(method, request, context.deadline).await?;
        reply.outcome()
    }
}

#[async_trait]
impl Component for Pool {
    async fn predict(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.ask(context, Method::Predict, Input::Message(input))
            .await
    }

    async fn transform_input(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.ask(context, Method::TransformInput, Input::Message(input))
            .await
    }

    async fn transform_output(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.ask(context, Method::TransformOutput, Input::Message(input))
            .await
    }

    async fn route(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.ask_defined(context, Method::Route, Input::Message(input))
            .await
    }

    async fn aggregate(&self, context: &Context, inputs: &[Message]) -> Result<Answer> {
        self.ask_defined(context, Method::Aggregate, Input::Messages(inputs))
            .await
    }

    async fn send_feedback(
        &self,
        context: &Context,
        feedback: &Feedback,
        routing: Option<i32>,
    ) -> Result<Answer> {
        self.ask(
            context,
            Method::SendFeedback,
            Input::Feedback(feedback, routing),
        )
        .await
    }

    async fn health_status(&self, context: &Context) -> Result<Answer> {
        self.ask(context, Method::HealthStatus, Input::Nothing)
            .await
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

fn not_defined(method: Method) -> Error {
    let name = match method {
        Method::Route => "Route",
        Method::Aggregate => "Aggregate",
        other => other.name(),
    };
    Error::new(ErrorKind::NotImplemented, format!("{name} not defined"))
}
