//! A component written in Rust.

use std::future::ready;
use std::sync::Arc;

use async_trait::async_trait;

use crate::columns::joined;
use crate::error::{Error, ErrorKind, Result};
use crate::message::{Message, Payload};
use crate::method::Method;
use crate::names::Names;
use crate::raw::RawJson;
use crate::request::{Feedback, Input, Request, Response};
use crate::service::{Calling, Context, Service};

/// A model, router, transformer or combiner; [`service`] makes it something that can be served.
///
/// A method that is not overridden does what a Python class without it does: transformers hand
/// their input through, feedback is taken and forgotten, health is `healthy`, the rest is
/// [`ErrorKind::NotImplemented`]. A call whose future is dropped has lost its caller.
///
/// Columns that a request brings one by one ([`Payload::Columns`]) reach it as one array, of their
/// dtype if that is the same, else of floats of 64 bits; where they are no such numbers, as
/// [`Payload::Named`].
#[async_trait]
pub trait Component: Send + Sync {
    /// Turns an input into a prediction.
    async fn predict(&self, _context: &Context, _input: Message) -> Result<Response> {
        Err(not_implemented("Predict"))
    }

    /// Transforms what goes into a model.
    async fn transform_input(&self, _context: &Context, input: Message) -> Result<Response> {
        Ok(handed_on(input))
    }

    /// Transforms what comes out of a model.
    async fn transform_output(&self, _context: &Context, input: Message) -> Result<Response> {
        Ok(handed_on(input))
    }

    /// Chooses a branch: its index, -1 for all, -2 for none.
    async fn route(&self, _context: &Context, _input: Message) -> Result<Response> {
        Err(not_implemented("Route"))
    }

    /// Makes one response of many.
    async fn aggregate(&self, _context: &Context, _inputs: Vec<Message>) -> Result<Response> {
        Err(not_implemented("Aggregate"))
    }

    /// Learns from a reward.
    async fn send_feedback(&self, _context: &Context, _feedback: Feedback) -> Result<Response> {
        Ok(Response::default())
    }

    /// Says how it is.
    async fn health_status(&self, _context: &Context) -> Result<Response> {
        Ok("healthy".to_owned().into())
    }

    /// Says what it is: a JSON object with `name`, `versions`, `platform`, `inputs`, `outputs` and
    /// `custom`, each of which may be missing.
    async fn metadata(&self) -> Result<RawJson>;
}

/// A component as a service.
#[must_use]
pub fn service(component: impl Component + 'static) -> Arc<dyn Service> {
    Arc::new(Adapter(component))
}

struct Adapter<C>(C);

impl<C: Component> Service for Adapter<C> {
    // The component's own future is handed on: an `async fn` would put another one around it, and
    // move the whole request into that first.
    fn call<'a, 'b, 'c>(&'a self, context: &'b Context, mut request: Request) -> Calling<'c>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let component = &self.0;
        // In its place: a request is large.
        if let Input::Message(Message { payload, .. }) = &mut request.input
            && let Payload::Columns(columns) = payload
        {
            match joined(context, std::mem::take(columns)) {
                Ok(joined) => *payload = joined,
                Err(error) => return Box::pin(ready(Err(error))),
            }
        }
        match (request.method, request.input) {
            (Method::Predict, Input::Message(input)) => component.predict(context, input),
            (Method::TransformInput, Input::Message(input)) => {
                component.transform_input(context, input)
            }
            (Method::TransformOutput, Input::Message(input)) => {
                component.transform_output(context, input)
            }
            (Method::Route, Input::Message(input)) => component.route(context, input),
            (Method::Aggregate, Input::Messages(inputs)) => component.aggregate(context, inputs),
            (Method::SendFeedback, Input::Feedback(feedback)) => {
                component.send_feedback(context, *feedback)
            }
            (Method::HealthStatus, Input::None) => component.health_status(context),
            (Method::Metadata, Input::None) => Box::pin(async move {
                let metadata = component.metadata().await?;
                Ok(Payload::Json(metadata).into())
            }),
            (method, _) => Box::pin(ready(Err(wrong_input(method)))),
        }
    }
}

/// The error of a transport that calls a method with an input which it does not take.
#[must_use]
pub fn wrong_input(method: Method) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("{} was called with the wrong kind of input", method.name()),
    )
}

/// What was not transformed: the request's payload, with names of the response's own.
fn handed_on(input: Message) -> Response {
    let mut response = Response::unchanged(input);
    if let Payload::Array(array) = &mut response.message.payload {
        array.names = Names::Unset;
    }
    response
}

fn not_implemented(method: &str) -> Error {
    Error::new(ErrorKind::NotImplemented, format!("{method} not defined"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;

    struct Silent;

    #[async_trait]
    impl Component for Silent {
        async fn metadata(&self) -> Result<RawJson> {
            Ok(RawJson::from_checked("{}".into()))
        }
    }

    async fn call(method: Method, input: Input) -> Result<Payload> {
        let request = Request {
            method,
            model: None,
            input,
        };
        let response = service(Silent).call(&Context::default(), request).await?;
        Ok(response.message.payload)
    }

    fn text() -> Message {
        Message {
            payload: Payload::Text("x".to_owned()),
            ..Message::default()
        }
    }

    #[tokio::test]
    async fn methods_that_are_not_defined_do_as_a_class_without_them() {
        let missing = [
            (Method::Predict, Input::Message(text())),
            (Method::Route, Input::Message(text())),
            (Method::Aggregate, Input::Messages(vec![text()])),
        ];
        for (method, input) in missing {
            let error = call(method, input).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::NotImplemented, "{method:?}");
        }
        for method in [Method::TransformInput, Method::TransformOutput] {
            let payload = call(method, Input::Message(text())).await.unwrap();
            assert_eq!(payload, text().payload);
            let numbers = Tensor::from_vec(vec![1, 2], vec![1.0, 2.0]).unwrap();
            let array = Payload::from(numbers);
            let named = Response::from(array.clone()).with_names(vec!["a".into(), "b".into()]);
            assert_ne!(named.message.payload, array);
            let payload = call(method, Input::Message(named.message)).await.unwrap();
            assert_eq!(payload, array);
        }
        let feedback = call(Method::SendFeedback, Input::Feedback(Box::default())).await;
        assert_eq!(feedback.unwrap(), Payload::None);
        let health = call(Method::HealthStatus, Input::None).await.unwrap();
        assert_eq!(health, Payload::Text("healthy".to_owned()));
        let metadata = call(Method::Metadata, Input::None).await.unwrap();
        assert_eq!(metadata, Payload::Json(RawJson::from_checked("{}".into())));
    }

    #[tokio::test]
    async fn a_method_refuses_the_input_of_another() {
        for method in Method::ALL {
            let input = match method {
                Method::HealthStatus | Method::Metadata => Input::Message(text()),
                _ => Input::None,
            };
            let error = call(method, input).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Internal, "{method:?}");
        }
    }
}
