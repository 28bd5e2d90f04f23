//! The pool as a component.

use async_trait::async_trait;
use bytes::Bytes;
use streeling_codec::{json, proto};
use streeling_core::{
    Answer, Component, Context, Encoding, Error, ErrorKind, Feedback, Message, Method, Payload,
    RawJson, Result,
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
    /// Whether it is passed through unread; the worker then chooses between plain and raw method.
    fn is_passthrough(&self) -> bool {
        matches!(
            self,
            Self::Message(Message {
                payload: Payload::Raw(_),
                ..
            })
        )
    }

    /// As the items of the plain method.
    fn plain(&self, context: &Context) -> Request {
        let mut request = Request::new(context.encoding, context.call.as_deref());
        match self {
            Self::Message(message) => request.message(message),
            Self::Messages(messages) => messages.iter().for_each(|one| request.message(one)),
            Self::Feedback(feedback, routing) => request.feedback(feedback, *routing),
            Self::Nothing => {}
        }
        request
    }

    /// As one raw message for the `_raw` method: the caller's own bytes where they are known.
    fn raw_message(&self, context: &Context) -> Result<Request> {
        let encoding = match self {
            // Feedback is protobuf to those methods, over REST as well.
            Self::Feedback(..) => Encoding::Protobuf,
            Self::Nothing => Encoding::Json,
            _ => context.encoding,
        };
        let message = match &context.document {
            Some(document) if encoding == context.encoding => match encoding {
                Encoding::Json => json::check(document)
                    .map_err(|error| bad_data(&error))?
                    .into_bytes(),
                Encoding::Protobuf => document.clone(),
            },
            _ => self.encode(encoding)?,
        };
        let mut request = Request::new(encoding, context.call.as_deref());
        request.raw_message(encoding, &message);
        Ok(request)
    }

    fn encode(&self, encoding: Encoding) -> Result<Bytes> {
        let mut out = Vec::new();
        match (encoding, self) {
            (Encoding::Json, Self::Message(message)) => json::encode_message(message, &mut out),
            (Encoding::Json, Self::Messages(list)) => json::encode_messages(list, &mut out),
            (Encoding::Json, Self::Feedback(feedback, _)) => {
                json::encode_feedback(feedback, &mut out);
            }
            (_, Self::Nothing) => out.extend_from_slice(b"{}"),
            (Encoding::Protobuf, Self::Message(message)) => {
                proto::encode_message(message, &mut out).map_err(|error| bad_data(&error))?;
            }
            (Encoding::Protobuf, Self::Messages(list)) => {
                proto::encode_messages(list, &mut out).map_err(|error| bad_data(&error))?;
            }
            (Encoding::Protobuf, Self::Feedback(feedback, _)) => {
                proto::encode_feedback(feedback, &mut out).map_err(|error| bad_data(&error))?;
            }
        }
        Ok(out.into())
    }
}

impl Pool {
    /// Calls the method for raw messages if the class has one and it does not decline, else the
    /// plain one.
    ///
    /// A request for a method that the class does not define goes to a worker as well: as on
    /// seldon-core, the response carries the class's tags and metrics.
    async fn call(&self, context: &Context, method: Method, input: Input<'_>) -> Result<Answer> {
        if !input.is_passthrough()
            && self
                .shared
                .component
                .methods()?
                .has_raw(method, context.encoding)
            && let Outcome::Response(response) = self
                .outcome(context, method, input.raw_message(context)?)
                .await?
        {
            return Ok(response);
        }
        let plain = input.plain(context);
        match self.outcome(context, method, plain).await? {
            Outcome::Response(response) => Ok(response),
            Outcome::Declined => Err(not_defined(method)),
        }
    }

    /// As [`Pool::call`], for a method that must be defined: otherwise no worker is called.
    async fn call_defined(
        &self,
        context: &Context,
        method: Method,
        input: Input<'_>,
    ) -> Result<Answer> {
        let methods = self.shared.component.methods()?;
        if methods.has(method) || methods.has_raw(method, context.encoding) {
            self.call(context, method, input).await
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
        let reply = self.exchange(method, request, context).await?;
        reply.outcome(context.encoding, self.shared.config.tracebacks)
    }
}

#[async_trait]
impl Component for Pool {
    async fn predict(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.call(context, Method::Predict, Input::Message(input))
            .await
    }

    async fn transform_input(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.call(context, Method::TransformInput, Input::Message(input))
            .await
    }

    async fn transform_output(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.call(context, Method::TransformOutput, Input::Message(input))
            .await
    }

    async fn route(&self, context: &Context, input: &Message) -> Result<Answer> {
        self.call_defined(context, Method::Route, Input::Message(input))
            .await
    }

    async fn aggregate(&self, context: &Context, inputs: &[Message]) -> Result<Answer> {
        self.call_defined(context, Method::Aggregate, Input::Messages(inputs))
            .await
    }

    async fn send_feedback(
        &self,
        context: &Context,
        feedback: &Feedback,
        routing: Option<i32>,
    ) -> Result<Answer> {
        self.call(
            context,
            Method::SendFeedback,
            Input::Feedback(feedback, routing),
        )
        .await
    }

    async fn health_status(&self, context: &Context) -> Result<Answer> {
        self.call(context, Method::HealthStatus, Input::Nothing)
            .await
    }

    async fn metadata(&self) -> Result<RawJson> {
        let ready = self.shared.component.ready()?;
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

    fn takes_whole(&self, method: Method, encoding: Encoding) -> bool {
        self.shared
            .component
            .methods()
            .is_ok_and(|methods| methods.has_raw(method, encoding))
    }
}

fn bad_data(error: &dyn std::error::Error) -> Error {
    Error::new(ErrorKind::BadData, error.to_string())
}

fn not_defined(method: Method) -> Error {
    let name = match method {
        Method::Route => "Route",
        Method::Aggregate => "Aggregate",
        other => other.name(),
    };
    Error::new(ErrorKind::NotImplemented, format!("{name} not defined"))
}
