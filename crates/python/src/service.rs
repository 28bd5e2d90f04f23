//! The pool as a service.

use async_trait::async_trait;
use bytes::Bytes;
use streeling_codec::seldon::{json as seldon_json, proto};
use streeling_core::{
    Array, Context, Elements, Encoding, Error, ErrorKind, Input, Layout, Message, Method, Names,
    Page, Payload, RawJson, RawMessage, Request, Response, Result, Service, Wants, wrong_input,
};
use streeling_net::Offload;

use crate::frame::Call;
use crate::held::Held;
use crate::methods::Methods;
use crate::names::own_names;
use crate::pool::Pool;
use crate::reply::{Outcome, Reply};
use crate::request::RequestFrame;

#[async_trait]
impl Service for Pool {
    /// Calls the method for raw messages if the class has one and it does not decline, else the
    /// plain one.
    ///
    /// A request for a method that the class does not define goes to a worker as well: as on
    /// seldon-core, the response carries the class's tags and metrics. Only `route` and `aggregate`
    /// must be defined.
    async fn call(&self, context: &Context, request: Request) -> Result<Response> {
        let Request { method, input, .. } = request;
        if !is_input_of(method, &input, context) {
            return Err(wrong_input(method));
        }
        if method == Method::Metadata {
            return self.metadata();
        }
        let method = match context.encoding {
            Encoding::Json | Encoding::Protobuf => method,
            Encoding::Tensors => for_tensors(method, self.shared.component.methods()?)?,
        };
        let held = Held::new(&self.shared, context, method, input);
        held.admit().await?;
        match self.run(&held, method).await {
            Ok(response) => {
                held.served();
                Ok(response)
            }
            Err(error) => Err(held.settle(error).await),
        }
    }

    fn takes_raw_message(&self, method: Method, encoding: Encoding) -> bool {
        self.shared
            .component
            .methods()
            .is_ok_and(|methods| methods.has_raw(method, encoding))
    }

    fn wants(&self) -> Wants {
        self.shared.component.wants()
    }

    fn has_page(&self, verb: &str, path: &str) -> bool {
        let ready = self.shared.component.ready();
        ready.is_ok_and(|ready| ready.has_page(verb, path))
    }

    async fn page(&self, context: &Context) -> Result<Option<Page>> {
        let held = Held::new(&self.shared, context, Call::Page, Input::None);
        held.admit().await?;
        let frame = RequestFrame::new(context.encoding, context.request.as_deref());
        match self.exchange(Call::Page, frame, &held).await {
            Ok(reply) => {
                held.served();
                let tracebacks = self.shared.config.tracebacks;
                self.read(reply, move |reply| reply.page(tracebacks)).await
            }
            Err(error) => Err(held.settle(error).await),
        }
    }
}

impl Pool {
    async fn run(&self, held: &Held<'_>, method: Method) -> Result<Response> {
        let (input, context) = (held.input(), held.context());
        let methods = self.shared.component.methods()?;
        // The worker itself chooses between plain and raw method for what is passed through.
        if context.raw_message != RawMessage::Declined
            && !is_opaque(input)
            && methods.has_raw(method, context.encoding)
        {
            let frame = raw_message(input, context)?;
            match self.outcome(held, method, frame).await? {
                Outcome::Declined => {}
                Outcome::Response(response) | Outcome::Listed(response, _) => return Ok(response),
            }
        }
        let is_needed = matches!(method, Method::Route | Method::Aggregate);
        if matches!(input, Input::Raw) || is_needed && !methods.has(method) {
            return Err(not_defined(method));
        }
        let frame = plain(input, context)?;
        let (response, list) = match self.outcome(held, method, frame).await? {
            Outcome::Response(response) => (response, None),
            Outcome::Listed(response, list) => (response, Some(list)),
            Outcome::Declined => return Err(not_defined(method)),
        };
        let mut response = fitting(response, input)?;
        if let Some(list) = list
            && takes_lists(input)
            && let Payload::Array(array) = &mut response.message.payload
        {
            write_as(list, array);
        }
        Ok(response)
    }

    async fn outcome(
        &self,
        held: &Held<'_>,
        method: Method,
        frame: RequestFrame,
    ) -> Result<Outcome> {
        let reply = self.exchange(method.into(), frame, held).await?;
        let encoding = held.context().encoding;
        let tracebacks = self.shared.config.tracebacks;
        let read = move |reply: Reply| reply.outcome(encoding, tracebacks);
        self.read(reply, read).await
    }

    /// Reads a reply, one that is large on another thread.
    async fn read<T: Send + 'static>(
        &self,
        reply: Reply,
        read: impl FnOnce(Reply) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let size = reply.body.len();
        if !Offload::moves(size) {
            return read(reply);
        }
        Box::pin(self.shared.offload.run(size, move || read(reply))).await
    }

    /// What was found out when the component was loaded.
    fn metadata(&self) -> Result<Response> {
        let ready = self.shared.component.ready()?;
        if let Some(error) = &ready.metadata_error {
            return Err(Error::new(ErrorKind::BadMetadata, error.clone()));
        }
        let text = ready
            .metadata
            .as_deref()
            .map_or("{}", |metadata| metadata.get());
        let json = RawJson::from_checked(Bytes::copy_from_slice(text.as_bytes()));
        Ok(Payload::Json(json).into())
    }
}

/// The method that a caller of tensors gets. It knows one request of inference, which is for what
/// the class defines, and cannot say which of two transformations it means.
fn for_tensors(method: Method, methods: Methods) -> Result<Method> {
    let (input, output) = (Method::TransformInput, Method::TransformOutput);
    match method {
        Method::Predict if methods.has(method) => Ok(method),
        Method::Predict | Method::TransformInput => {
            match (methods.has(input), methods.has(output)) {
                (true, true) => Err(Error::new(ErrorKind::NotImplemented, BOTH_TRANSFORM)),
                (true, false) => Ok(input),
                (false, true) => Ok(output),
                (false, false) if methods.has(Method::Predict) => Ok(Method::Predict),
                (false, false) if method == input => Ok(input),
                (false, false) => Err(not_defined(method)),
            }
        }
        other => Ok(other),
    }
}

const BOTH_TRANSFORM: &str = "the component defines transform_input and transform_output, and a \
                              request of inference does not say which one it is for: only \
                              Seldon's protocol can call them";

/// Whether arrays go back as nested lists, which may be written as the component has them.
fn takes_lists(input: &Input) -> bool {
    let message = match input {
        Input::Message(message) => Some(message),
        Input::Messages(messages) => messages.first(),
        Input::Feedback(_) | Input::Raw | Input::None => None,
    };
    message.is_some_and(|message| match &message.payload {
        Payload::Array(array) => matches!(array.layout, Layout::Nested | Layout::Unset),
        _ => false,
    })
}

/// Makes an array of numbers the list that it was made of.
fn write_as(list: RawJson, array: &mut Array) {
    if let (Names::Unset, Elements::Typed(tensor)) = (&array.names, &array.elements) {
        let columns = tensor.shape().get(1).copied();
        array.names = columns.map_or(Names::new(), Names::Numbered);
    }
    array.elements = Elements::Json(list);
    array.layout = Layout::Nested;
}

/// Whether this is what the method is called on.
fn is_input_of(method: Method, input: &Input, context: &Context) -> bool {
    let is_raw =
        matches!(input, Input::Raw) && matches!(context.raw_message, RawMessage::Given { .. });
    match method {
        Method::Predict | Method::TransformInput | Method::TransformOutput | Method::Route => {
            is_raw || matches!(input, Input::Message(_))
        }
        Method::Aggregate => is_raw || matches!(input, Input::Messages(_)),
        Method::SendFeedback => matches!(input, Input::Feedback(_)),
        Method::HealthStatus | Method::Metadata => matches!(input, Input::None),
    }
}

/// The response, unless it is an array that only a `TensorProto` can hold and the request had none.
fn fitting(mut response: Response, input: &Input) -> Result<Response> {
    // Feedback is protobuf over REST, too.
    if matches!(input, Input::Feedback(_))
        && let Payload::Array(array) = &mut response.message.payload
        && let Names::Json(names) = &array.names
    {
        let names = own_names(names.bytes().clone(), Encoding::Protobuf)?;
        array.names = names.unwrap_or(Names::new());
    }
    let layout = |message: &Message| match &message.payload {
        Payload::Array(array) => Some(array.layout),
        _ => None,
    };
    let requested = match input {
        Input::Message(message) => Some(message),
        Input::Messages(messages) => messages.first(),
        Input::Feedback(feedback) => feedback.request.as_ref(),
        Input::Raw | Input::None => None,
    };
    let requested = requested.and_then(layout);
    if layout(&response.message) == Some(Layout::TensorProto)
        && requested != Some(Layout::TensorProto)
    {
        return Err(Error {
            worker: response.worker,
            ..Error::new(
                ErrorKind::Component,
                "Object of type complex is not JSON serializable",
            )
        });
    }
    Ok(response)
}

fn is_opaque(input: &Input) -> bool {
    matches!(
        input,
        Input::Message(Message {
            payload: Payload::Opaque(_),
            ..
        })
    )
}

/// The input as the items of the plain method.
fn plain(input: &Input, context: &Context) -> Result<RequestFrame> {
    let mut frame = RequestFrame::new(context.encoding, context.request.as_deref());
    match input {
        Input::Message(message) => frame.message(message)?,
        Input::Messages(messages) => messages.iter().try_for_each(|one| frame.message(one))?,
        Input::Feedback(feedback) => frame.feedback(feedback)?,
        Input::Raw | Input::None => {}
    }
    Ok(frame)
}

/// The input as one raw message for the `_raw` method: the caller's own bytes where they are known.
fn raw_message(input: &Input, context: &Context) -> Result<RequestFrame> {
    let encoding = match input {
        Input::None => Encoding::Json,
        _ => context.encoding,
    };
    let (message, bytes) = match &context.raw_message {
        RawMessage::Given { message, bytes } if encoding == context.encoding => {
            (message.clone(), *bytes)
        }
        _ => (encode(input, encoding)?, None),
    };
    let mut frame = RequestFrame::new(encoding, context.request.as_deref());
    frame.raw_message(encoding, &message, bytes);
    Ok(frame)
}

fn encode(input: &Input, encoding: Encoding) -> Result<Bytes> {
    let mut out = Vec::new();
    match (encoding, input) {
        (_, Input::Raw | Input::None) => out.extend_from_slice(b"{}"),
        (Encoding::Tensors, _) => {
            let text = "no component takes tensors as a raw message";
            return Err(Error::new(ErrorKind::Internal, text));
        }
        (Encoding::Json, Input::Message(message)) => {
            seldon_json::encode_message(message, &mut out);
        }
        (Encoding::Json, Input::Messages(list)) => seldon_json::encode_messages(list, &mut out),
        (Encoding::Json, Input::Feedback(feedback)) => {
            seldon_json::encode_feedback(feedback, &mut out);
        }
        (Encoding::Protobuf, Input::Message(message)) => {
            proto::encode_message(message, &mut out).map_err(|error| bad_data(&error))?;
        }
        (Encoding::Protobuf, Input::Messages(list)) => {
            proto::encode_messages(list, &mut out).map_err(|error| bad_data(&error))?;
        }
        (Encoding::Protobuf, Input::Feedback(feedback)) => {
            proto::encode_feedback(feedback, &mut out).map_err(|error| bad_data(&error))?;
        }
    }
    Ok(out.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inference_calls_what_the_class_defines() {
        use Method::{Aggregate, Predict, Route, TransformInput, TransformOutput};
        let found = |method, defined: &[Method]| {
            let names: Vec<_> = defined.iter().map(|one| one.name().to_owned()).collect();
            for_tensors(method, Methods::from(names)).map_err(|error| error.info)
        };
        let both = Err(BOTH_TRANSFORM.into());
        for (defined, predict, transform) in [
            (&[Predict][..], Ok(Predict), Ok(Predict)),
            (&[TransformInput], Ok(TransformInput), Ok(TransformInput)),
            (&[TransformOutput], Ok(TransformOutput), Ok(TransformOutput)),
            (
                &[TransformInput, TransformOutput],
                both.clone(),
                both.clone(),
            ),
            (
                &[Predict, TransformOutput],
                Ok(Predict),
                Ok(TransformOutput),
            ),
            (
                &[Predict, TransformInput, TransformOutput],
                Ok(Predict),
                both,
            ),
            (
                &[Route],
                Err("predict not defined".into()),
                Ok(TransformInput),
            ),
        ] {
            assert_eq!(found(Predict, defined), predict, "{defined:?}");
            assert_eq!(found(TransformInput, defined), transform, "{defined:?}");
            assert_eq!(found(Aggregate, defined), Ok(Aggregate));
        }
    }
}
