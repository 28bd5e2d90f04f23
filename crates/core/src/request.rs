//! What a service is called with, and what it returns.

use crate::message::{Array, Elements, Message, Payload};
use crate::method::Method;
use crate::names::Names;
use crate::tensor::Tensor;

/// One call of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The model's name, where the caller's protocol names one.
    pub model: Option<String>,
    /// What to do it on.
    pub input: Input,
}

/// What a method is called on.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// Predict, transform and route take a message.
    Message(Message),
    /// Aggregate takes several.
    Messages(Vec<Message>),
    /// Feedback takes a request with its response and a reward.
    Feedback(Box<Feedback>),
    /// Nothing has been decoded: the method for raw messages is to be called on
    /// [`Context::raw_message`](crate::Context::raw_message). A service that wants the decoded
    /// input after all responds with [`ErrorKind::NotImplemented`](crate::ErrorKind).
    Raw,
    /// Health and metadata take nothing.
    None,
}

/// A reward for an earlier response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feedback {
    /// The request.
    pub request: Option<Message>,
    /// The response to it.
    pub response: Option<Message>,
    /// How good the response was.
    pub reward: f32,
    /// What the response should have been.
    pub truth: Option<Message>,
    /// The branch that this node of the graph chose for the request, if the response tells; found
    /// out by [`Annotate`](crate::Annotate), which knows the node's id.
    pub routing: Option<i32>,
}

impl Feedback {
    /// The branch that the node `id` chose when it responded, if the response tells.
    #[must_use]
    pub fn routing_of(&self, id: &str) -> Option<i32> {
        self.response.as_ref()?.meta.routing.get(id).copied()
    }
}

/// What a service returns. The message's tags and metrics are the component's own until
/// [`Annotate`](crate::Annotate) has put the request's before them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// Payload, tags, metrics.
    pub message: Message,
    /// Whether the component wrote the whole message: it goes out as it is.
    pub is_complete: bool,
    /// The slot of the worker that responded, for a component that has workers.
    pub worker: Option<usize>,
}

impl Response {
    /// The request's own payload, unchanged.
    #[inline]
    #[must_use]
    pub fn unchanged(request: Message) -> Self {
        request.payload.into()
    }

    /// A message that goes out as it is.
    #[must_use]
    pub fn complete(message: Message) -> Self {
        Self {
            message,
            is_complete: true,
            worker: None,
        }
    }

    /// Names the columns of an array of two dimensions or more; anything else has no columns, and
    /// stays as it is.
    #[inline]
    #[must_use]
    pub fn with_names(mut self, names: Vec<String>) -> Self {
        if let Payload::Array(array) = &mut self.message.payload {
            array.name(names);
        }
        self
    }
}

impl Array {
    fn name(&mut self, names: Vec<String>) {
        let has_columns = match &self.elements {
            Elements::Typed(tensor) => tensor.shape().len() > 1,
            Elements::Json(_) => true,
        };
        if has_columns {
            self.names = Names::Given(names);
        }
    }
}

impl From<Payload> for Response {
    #[inline]
    fn from(payload: Payload) -> Self {
        Self {
            message: Message {
                payload,
                ..Message::default()
            },
            ..Self::default()
        }
    }
}

impl From<Tensor> for Response {
    #[inline]
    fn from(tensor: Tensor) -> Self {
        Payload::from(tensor).into()
    }
}

impl From<String> for Response {
    fn from(text: String) -> Self {
        Payload::Text(text).into()
    }
}
