//! What a protocol on the gRPC port brings along.

use std::any::Any;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, future, stream};
use streeling_core::{Encoding, Error, Input, Meter, Method, Operation, Response, Result};
use tonic::Status;

/// A protocol on the gRPC port: the methods of its services, how its messages are read and written,
/// and how it says that something failed. Everything else is the same for all protocols.
pub trait Protocol: Send + Sync + 'static {
    /// Every method of its services, the busiest first. No two protocols have the same path; the
    /// health service tells of each service that is named here.
    fn routes(&self) -> &'static [Route];

    /// How its messages are encoded.
    fn encoding(&self) -> Encoding {
        Encoding::Protobuf
    }

    /// Its files for reflection: an encoded `FileDescriptorSet`.
    fn descriptors(&self) -> &'static [u8];

    /// Whether a method is for probes, which bring no token.
    fn is_probe(&self, _route: &Route) -> bool {
        false
    }

    /// Appends what a method without the model responds to a message. While the model is not ready,
    /// it is called once before the message is read, without one.
    ///
    /// # Errors
    ///
    /// Whatever the method says in place of a message.
    fn page(
        &self,
        page: &'static str,
        message: Option<&[u8]>,
        is_ready: bool,
        out: &mut Vec<u8>,
    ) -> Result<()>;

    /// Whether its messages are those that components which take raw messages know; they name no
    /// model.
    fn has_raw_messages(&self) -> bool {
        false
    }

    /// Reads the message of a call. Large ones are read on another thread. What is made of it takes
    /// its memory from `memory`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadData`](streeling_core::ErrorKind) when the bytes are not what `method`
    /// takes.
    fn decode(&self, method: Method, message: &Bytes, memory: &Meter) -> Result<Decoded>;

    /// Appends the message that a response to a call of `method` is, in the form that its request
    /// chose.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Component`](streeling_core::ErrorKind) when the protocol cannot say it.
    fn encode(
        &self,
        method: Method,
        response: &Response,
        form: &Form,
        out: &mut Vec<u8>,
    ) -> Result<()>;

    /// The responses to a call whose route is [`Action::Stream`]; each is encoded by itself. An
    /// error ends the stream.
    fn responses(&self, _method: Method, response: Response) -> Responses {
        Box::pin(stream::once(future::ready(Ok(response))))
    }

    /// An error as a client is to see it.
    fn status(&self, error: &Error) -> Status;
}

/// Responses that come one after the other.
pub type Responses = Pin<Box<dyn Stream<Item = Result<Response>> + Send>>;

/// One row of a protocol's table of methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// What it does.
    pub action: Action,
    /// What a request for it is for, as metrics and traces have it.
    pub operation: Operation,
}

/// What a method of a service does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Calls a method of the model, and responds with one message.
    Call(Method),
    /// Calls a method of the model, and responds with as many messages as [`Protocol::responses`]
    /// has.
    Stream(Method),
    /// Responds without the model, by the page's name.
    Page(&'static str),
}

/// The message of a call.
#[derive(Debug)]
pub struct Decoded {
    /// The model's name, where the protocol has one in its messages.
    pub model: Option<String>,
    /// What the method is called on.
    pub input: Input,
    /// What the message says about the form of the response.
    pub form: Form,
}

/// The form of a response that its request chose, in a type that its protocol alone knows; `None`
/// where the protocol has no choice, or the request chose nothing.
pub type Form = Option<Arc<dyn Any + Send + Sync>>;

impl fmt::Debug for dyn Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.routes().iter().map(|route| route.path);
        f.debug_list().entries(paths).finish()
    }
}
