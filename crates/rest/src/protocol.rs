//! What a protocol on the HTTP port brings along.

use std::any::Any;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method as Verb};
use streeling_core::{
    Encoding, Error, Input, Meter, Method, Operation, RawMessage, Response, Result,
};

use crate::reply::Reply;

/// A protocol on the HTTP port: its routes, how its messages are read and written, and how it says
/// that something failed. Everything else is the same for all protocols.
pub trait Protocol: Send + Sync + 'static {
    /// Every route, the busiest first. No two protocols have the same path.
    fn routes(&self) -> &'static [Route];

    /// How its messages are encoded.
    fn encoding(&self) -> Encoding {
        Encoding::Json
    }

    /// Whether a path that has no route would be one of this protocol's, which then says so in its
    /// own words.
    fn owns(&self, _path: &str) -> bool {
        false
    }

    /// Looks at what the path of a call leaves open, apart from the model's name.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownModel`](streeling_core::ErrorKind) when it names what is not there.
    fn check(&self, _params: &Params) -> Result<()> {
        Ok(())
    }

    /// What a route without the model responds.
    fn page(&self, page: &'static str, params: &Params, is_ready: bool) -> Reply;

    /// Whether a route is for probes, which bring no token.
    fn is_probe(&self, route: &Route) -> bool {
        route.action == Action::Call(Method::HealthStatus)
    }

    /// Whether a component may have pages of its own beside these routes, and in their place.
    fn leaves_pages(&self) -> bool {
        true
    }

    /// Whether the body of a call is handed on unread, as
    /// [`Payload::Opaque`](streeling_core::Payload).
    fn passes_through(&self, _method: Method) -> bool {
        false
    }

    /// The message of a call as the caller wrote it, for a component that takes raw messages, and
    /// what the server itself needs of it, which is mostly nothing ([`Input::Raw`]); `None` where
    /// this protocol has no message that such a component knows.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadData`](streeling_core::ErrorKind) when the body holds no message.
    fn raw_message(&self, _undecoded: Undecoded<'_>) -> Result<Option<(RawMessage, Input)>> {
        Ok(None)
    }

    /// Reads what a method is called on. Large bodies are read on another thread.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadData`](streeling_core::ErrorKind) when the body does not say that.
    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded>;

    /// About how many bytes [`Protocol::encode`] will write; 0 where they lie there already.
    fn encoded_size(&self, response: &Response) -> usize;

    /// Writes the response to a call of `method`, in the form that its request chose. `size` is
    /// what [`Protocol::encoded_size`] said.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Component`](streeling_core::ErrorKind) when the protocol cannot say it.
    fn encode(&self, method: Method, response: Response, size: usize, form: Form) -> Result<Reply>;

    /// Says what went wrong.
    fn problem(&self, problem: Problem<'_>) -> Reply;
}

/// One row of a protocol's table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The path; a segment `{name}` stands for any text without a slash, and `{model}` names the
    /// model.
    pub path: &'static str,
    /// The HTTP methods.
    pub verbs: Verbs,
    /// What it does.
    pub action: Action,
    /// What a request for it is for, as metrics and traces have it.
    pub operation: Operation,
    /// One line for a description of the routes.
    pub summary: &'static str,
}

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Calls a method of the model.
    Call(Method),
    /// Responds without the model, and while it is not ready, too; by the page's name.
    Page(&'static str),
}

/// The HTTP methods of a route; GET brings HEAD along, and every route has OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verbs {
    /// GET and HEAD.
    Get,
    /// POST.
    Post,
    /// All of them.
    GetPost,
}

impl Verbs {
    /// Whether it is one of them.
    #[must_use]
    pub fn allow(self, verb: &Verb) -> bool {
        match self {
            Self::Get => *verb == Verb::GET || *verb == Verb::HEAD,
            Self::Post => *verb == Verb::POST,
            Self::GetPost => *verb == Verb::POST || *verb == Verb::GET || *verb == Verb::HEAD,
        }
    }

    /// As the `Allow` header has it.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD, OPTIONS",
            Self::Post => "OPTIONS, POST",
            Self::GetPost => "GET, HEAD, OPTIONS, POST",
        }
    }
}

/// The parts of a path that a route leaves open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(pub(crate) Vec<(&'static str, String)>);

impl Params {
    /// The text that stands for `{name}`, decoded.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name)?;
        Some(&found.1)
    }

    /// Whether the route leaves nothing open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The request of a call, whose body has come.
#[derive(Debug)]
pub struct Undecoded<'a> {
    /// The route.
    pub route: &'static Route,
    /// What it calls.
    pub method: Method,
    /// The parts of the path that the route leaves open.
    pub params: &'a Params,
    /// What follows the path, without the question mark.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// Where memory for what is made of it comes from.
    pub memory: &'a Meter,
}

/// What a request says.
#[derive(Debug)]
pub struct Decoded {
    /// What the method is called on.
    pub input: Input,
    /// What it says about the form of its response.
    pub form: Form,
}

impl From<Input> for Decoded {
    fn from(input: Input) -> Self {
        Self { input, form: None }
    }
}

/// The form of a response that its request chose, in a type that its protocol alone knows; `None`
/// where the protocol has no choice, or the request chose nothing.
pub type Form = Option<Box<dyn Any + Send>>;

/// Why a request has no good response.
#[derive(Clone, Copy, Debug)]
pub enum Problem<'a> {
    /// There is no route of this path.
    NotFound(&'a str),
    /// The route is not for this HTTP method.
    NotAllowed {
        /// The HTTP method.
        verb: &'a Verb,
        /// The path.
        path: &'a str,
        /// The methods that it is for.
        allowed: Verbs,
    },
    /// Anything else.
    Error(&'a Error),
}

impl fmt::Debug for dyn Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.routes().iter().map(|route| route.path);
        f.debug_list().entries(paths).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lists_exactly_what_is_allowed() {
        for verbs in [Verbs::Get, Verbs::Post, Verbs::GetPost] {
            let listed: Vec<_> = verbs.header().split(", ").collect();
            for verb in [Verb::GET, Verb::HEAD, Verb::POST, Verb::PUT, Verb::DELETE] {
                assert_eq!(
                    listed.contains(&verb.as_str()),
                    verbs.allow(&verb),
                    "{verbs:?} {verb}"
                );
            }
        }
    }
}
