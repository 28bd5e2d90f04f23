//! The port where the model is not served: health, and a refusal for everything else.

use streeling_core::{Error, ErrorKind, Method, Response, Result};

use super::{Seldon, routes};
use crate::protocol::{Decoded, Form, Params, Problem, Protocol, Route, Undecoded};
use crate::reply::Reply;

/// Seldon's protocol without its calls of the model: probes, over HTTP or TCP, find the port open
/// and healthy, and a request that has come to the wrong port gets a 503 that says so, whatever its
/// path: the component has no pages here, either.
#[derive(Clone, Debug)]
pub struct HealthOnly {
    seldon: Seldon,
    refusal: Error,
}

impl HealthOnly {
    /// `why` is what every refusal says.
    #[must_use]
    pub fn new(why: impl Into<String>) -> Self {
        Self {
            seldon: Seldon::default(),
            refusal: Error::new(ErrorKind::NotReady, why),
        }
    }
}

impl Protocol for HealthOnly {
    fn routes(&self) -> &'static [Route] {
        &routes::HEALTH
    }

    fn is_probe(&self, route: &Route) -> bool {
        self.seldon.is_probe(route)
    }

    fn leaves_pages(&self) -> bool {
        false
    }

    fn page(&self, page: &'static str, params: &Params, is_ready: bool) -> Reply {
        self.seldon.page(page, params, is_ready)
    }

    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        self.seldon.decode(undecoded)
    }

    fn encoded_size(&self, response: &Response) -> usize {
        self.seldon.encoded_size(response)
    }

    fn encode(&self, method: Method, response: Response, size: usize, form: Form) -> Result<Reply> {
        self.seldon.encode(method, response, size, form)
    }

    fn problem(&self, problem: Problem<'_>) -> Reply {
        match problem {
            Problem::NotFound(_) => self.seldon.problem(Problem::Error(&self.refusal)),
            Problem::NotAllowed { .. } | Problem::Error(_) => self.seldon.problem(problem),
        }
    }
}
