//! The Open Inference Protocol (V2) over HTTP, and `KServe`'s V1 beside it.
//!
//! - Statuses: 400 what cannot be understood, 401 no token, 404 unknown model, version or path, 405
//!   another HTTP method, 413 too large, 501 what the component lacks, 503 not ready or overloaded,
//!   504 late, 500 the rest; a component's exception may choose its own. Bodies of errors are
//!   `{"error": "…"}`.
//! - `/v2/models/{model}/infer` and `/v1/models/{model}:predict` call one method, which
//!   [`Oip::new`] is given. Paths of V2 may name the version: `/v2/models/{model}/versions/{v}/…`.
//! - `/v2/models/{model}/route` takes a request of inference and responds with a list of one
//!   number, the branch, which is what Seldon's executor reads. `…/aggregate` takes a list of
//!   responses (or requests) of inference, and `…/feedback`
//!   `{"request": …, "response": …, "truth": …, "reward": 1.0}`.
//! - Raw tensors follow the JSON of a request whose header `Inference-Header-Content-Length` says
//!   how long that is; those of a response, where its request wants them, in the same way. A length
//!   of 0 (a request of one raw input and no JSON) is not implemented.
//! - `/v2/repository/` has the index of the one model. To load it is to load it anew, where
//!   [`Oip::with_reload`] says how.
//!
//! What inputs mean to a component, and its response to a client, is in `streeling_codec::oip`.

mod body;
mod pages;
mod routes;
mod status;

use std::fmt;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use streeling_codec::oip::json::{Form as V2Form, decode_feedback, decode_messages};
use streeling_codec::oip::{self, json, v1};
use streeling_core::{Elements, Encoding, Input, Message, Method, Payload, Response, Result};

pub use pages::Reload;
pub use streeling_codec::oip::Served;

use pages::Pages;
use status::{failure, refusal};

use crate::depth;
use crate::protocol::{Action, Decoded, Form, Params, Problem, Protocol, Route, Undecoded};
use crate::reply::{self, Reply};

/// The Open Inference Protocol, and `KServe`'s V1.
#[derive(Clone)]
pub struct Oip {
    pages: Pages,
    routes: &'static [Route],
    max_depth: usize,
}

/// What a request says about its response.
enum Wanted {
    /// It is one of V2: which outputs, and in what form; and its id, which comes back.
    Outputs { form: V2Form, id: Option<String> },
    /// It is one of V1.
    Predictions,
}

impl Oip {
    /// The protocol of a server of one model, the `infer` method of which inference calls: predict,
    /// one of the transforms, or route. With any other, or none, inference is not implemented.
    #[must_use]
    pub fn new(served: Served, infer: impl Into<Option<Method>>) -> Self {
        Self {
            pages: Pages {
                served,
                reload: None,
            },
            routes: routes::of(infer.into()),
            max_depth: depth::MOST,
        }
    }

    /// Takes JSON of at most so many lists and objects in each other, in place of 512, which are
    /// the most.
    #[must_use]
    pub fn with_max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// Has a request to load the model call this, which must not wait.
    #[must_use]
    pub fn with_reload(mut self, reload: Reload) -> Self {
        self.pages.reload = Some(reload);
        self
    }

    fn input(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        let Undecoded {
            route,
            method,
            headers,
            body,
            memory,
            ..
        } = undecoded;
        let body::Parts { json, binary } = body::parts(headers, body)?;
        depth::check(&json, self.max_depth)?;
        let is_v1 = route.path.starts_with("/v1/");
        let (input, wanted) = match method {
            Method::Aggregate => {
                let requests = decode_messages(&json, memory)?.into_iter();
                let messages = requests.map(|request| oip::message(request, memory));
                let messages = messages.collect::<Result<_>>()?;
                (Input::Messages(messages), None)
            }
            Method::SendFeedback => {
                let feedback = decode_feedback(&json, memory)?;
                (Input::Feedback(Box::new(feedback)), None)
            }
            _ if is_v1 => {
                let message = v1::decode(&json, memory)?;
                (Input::Message(message), Some(Wanted::Predictions))
            }
            _ => {
                let mut request = json::decode(&json, binary, memory)?;
                let form = V2Form::take(&mut request)?;
                let id = request.id.clone();
                let message = oip::message(request, memory)?;
                (Input::Message(message), Some(Wanted::Outputs { form, id }))
            }
        };
        Ok(Decoded {
            input,
            form: wanted.map(|wanted| Box::new(wanted) as _),
        })
    }

    /// Writes a response of inference.
    fn inference(&self, message: Message, form: &V2Form, id: Option<String>) -> Result<Reply> {
        let mut response = oip::response(message, &form.requested)?;
        if response.id.is_none() {
            response.id = id;
        }
        let mut body = Vec::with_capacity(json::encoded_size(&response, form));
        let length = json::encode(&response, &self.pages.served, form, &mut body);
        let mut reply = reply::json(StatusCode::OK, body);
        if let Some(length) = length {
            let headers = reply.headers_mut();
            let raw = HeaderValue::from_static("application/octet-stream");
            headers.insert(CONTENT_TYPE, raw);
            headers.insert(body::JSON_LENGTH, body::header(length));
        }
        Ok(reply)
    }
}

impl Protocol for Oip {
    fn routes(&self) -> &'static [Route] {
        self.routes
    }

    fn encoding(&self) -> Encoding {
        Encoding::Tensors
    }

    fn owns(&self, path: &str) -> bool {
        ["/v2", "/v1/models"].iter().any(|root| {
            let rest = path.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    fn check(&self, params: &Params) -> Result<()> {
        self.pages.known_version(params)
    }

    fn page(&self, page: &'static str, params: &Params, is_ready: bool) -> Reply {
        self.pages.reply(page, params, is_ready)
    }

    fn is_probe(&self, route: &Route) -> bool {
        matches!(
            route.action,
            Action::Page(pages::LIVE | pages::READY | pages::MODEL_READY | pages::V1_READY)
        )
    }

    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        self.input(undecoded)
    }

    fn encoded_size(&self, response: &Response) -> usize {
        // Of a float32, which most are, nine digits and the point; those of a float64 are more.
        const PER_NUMBER: usize = 12;
        response.message.payload.size(PER_NUMBER)
    }

    fn encode(&self, method: Method, response: Response, size: usize, form: Form) -> Result<Reply> {
        let message = response.message;
        if let (Method::Metadata, Payload::Json(metadata)) = (method, &message.payload) {
            return Ok(reply::json(StatusCode::OK, self.pages.metadata(metadata)));
        }
        let wanted = form.and_then(|form| form.downcast::<Wanted>().ok());
        match wanted.map(|wanted| *wanted) {
            Some(Wanted::Predictions) => {
                let mut body = Vec::with_capacity(size);
                v1::encode(&message, &mut body)?;
                Ok(reply::json(StatusCode::OK, body))
            }
            Some(Wanted::Outputs { form, id }) if method == Method::Route => {
                match branch(&message.payload) {
                    Some(branch) => Ok(reply::json(StatusCode::OK, format!("[{branch}]"))),
                    None => self.inference(message, &form, id),
                }
            }
            Some(Wanted::Outputs { form, id }) => self.inference(message, &form, id),
            None => self.inference(message, &V2Form::default(), None),
        }
    }

    fn problem(&self, problem: Problem<'_>) -> Reply {
        let (status, info) = match problem {
            Problem::NotFound(path) => (StatusCode::NOT_FOUND, format!("no route {path}")),
            Problem::NotAllowed {
                verb,
                path,
                allowed,
            } => (
                StatusCode::METHOD_NOT_ALLOWED,
                format!("{verb} is not for {path}, allowed are {}", allowed.header()),
            ),
            Problem::Error(error) => return failure(error),
        };
        refusal(status, &info)
    }
}

impl fmt::Debug for Oip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oip")
            .field("served", &self.pages.served)
            .field("max_depth", &self.max_depth)
            .field("reloads", &self.pages.reload.is_some())
            .finish_non_exhaustive()
    }
}

/// The branch that a router has chosen: its only number.
fn branch(payload: &Payload) -> Option<i64> {
    let Payload::Array(array) = payload else {
        return None;
    };
    let Elements::Typed(tensor) = &array.elements else {
        return None;
    };
    let [branch] = tensor.to_floats()?[..] else {
        return None;
    };
    #[expect(clippy::cast_possible_truncation, reason = "checked")]
    (branch.fract() == 0.0).then_some(branch as i64)
}
