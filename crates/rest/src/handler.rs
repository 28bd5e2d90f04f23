//! From a request's head and body to its answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use futures_util::{FutureExt, Stream};
use http::{Method as Verb, StatusCode};
use streeling_codec::json;
use streeling_core::{
    Call, Context, Encoding, Error, ErrorKind, Message, Method, Payload, Request, Result, Stage,
    Unit,
};
use streeling_net::Offload;
use tokio::sync::watch;
use warp::path::FullPath;

use crate::body::{self, Limits};
use crate::form::{self, ContentType};
use crate::reply::{self, Preflight, Reply};
use crate::routes::{self, Action, Route};
use crate::{Config, decode, openapi, status};

/// What all requests share.
pub(crate) struct State {
    unit: Unit,
    ready: watch::Receiver<bool>,
    limits: Limits,
    passthrough: bool,
    timeout: Option<Duration>,
    description: Bytes,
    offload: Offload,
}

/// What matters of a request's head.
pub(crate) struct Head {
    pub(crate) verb: Verb,
    pub(crate) path: FullPath,
    pub(crate) query: Option<String>,
    pub(crate) content_type: Option<ContentType>,
    /// The claimed length of the body.
    pub(crate) length: Option<u64>,
    /// Whether the client sends its body only after it was told to go on.
    pub(crate) expects: bool,
    pub(crate) preflight: Preflight,
}

impl Head {
    /// Whether the client is sending a body right now, wanted or not.
    fn is_followed_by_body(&self) -> bool {
        let has_body = match self.length {
            Some(length) => length > 0,
            None => self.verb != Verb::GET && self.verb != Verb::HEAD,
        };
        has_body && !self.expects
    }
}

impl State {
    pub(crate) fn new(config: &Config, unit: Unit, ready: watch::Receiver<bool>) -> Arc<Self> {
        Arc::new(Self {
            unit,
            ready,
            limits: Limits {
                size: config.max_body_size,
                stall: config.stall,
            },
            passthrough: config.passthrough,
            timeout: config.timeout,
            description: Bytes::from(openapi::document(&config.identity)),
            offload: Offload::new(),
        })
    }

    /// Answers a request, come what may.
    pub(crate) async fn handle<B, E>(
        self: Arc<Self>,
        head: Head,
        call: Arc<Call>,
        body: impl Stream<Item = std::result::Result<B, E>> + Send + Unpin + 'static,
    ) -> Reply
    where
        B: Buf + Send,
        E: Send,
    {
        let context = Context {
            deadline: self.timeout.map(|timeout| Instant::now() + timeout),
            encoding: Encoding::Json,
            document: None,
            call: Some(call),
        };
        // Nothing of the request is looked at again after a panic, so it cannot be seen torn.
        let answer = AssertUnwindSafe(self.route(&context, &head, body)).catch_unwind();
        let answer = match context.deadline {
            None => answer.await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(Err(self.late())),
            },
        };
        match answer {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => reply::error(&error),
            Err(panic) => {
                let error = Error::panicked(&*panic);
                tracing::error!(path = head.path.as_str(), "{error}");
                reply::error(&error)
            }
        }
    }

    async fn route<B, E>(
        &self,
        context: &Context,
        head: &Head,
        mut body: impl Stream<Item = std::result::Result<B, E>> + Send + Unpin + 'static,
    ) -> Result<Reply>
    where
        B: Buf + Send,
        E: Send,
    {
        let route = routes::find(head.path.as_str());
        if let (Some(call), Some(route)) = (&context.call, route) {
            call.set_subject(route.action.subject());
        }
        let result = match self.without_body(head, route) {
            Before::Answered(reply) => Ok(reply),
            Before::Metadata => return self.metadata().await,
            Before::Call(Method::HealthStatus) => {
                return self
                    .call(context, Method::HealthStatus, Request::Nothing)
                    .await;
            }
            Before::Call(Method::Predict) if self.passthrough => {
                match self.read_raw(context, head, &mut body).await {
                    Ok(message) => return self.call(context, Method::Predict, message).await,
                    Err(error) => Err(error),
                }
            }
            Before::Call(method) => match self.read(head, &mut body).await {
                Ok(whole) => {
                    drop(body);
                    return self.decode_and_call(context, head, method, whole).await;
                }
                Err(error) => Err(error),
            },
            Before::Refused(error) => Err(error),
        };
        if head.is_followed_by_body() {
            body::discard(body);
        }
        result
    }

    /// What can be said before the body is looked at.
    fn without_body(&self, head: &Head, route: Option<&Route>) -> Before {
        let path = head.path.as_str();
        let Some(Route { verbs, action, .. }) = route else {
            return Before::Answered(reply::not_found(path));
        };
        if head.verb == Verb::OPTIONS {
            return Before::Answered(reply::options(*verbs, &head.preflight));
        }
        if !verbs.allow(&head.verb) {
            return Before::Answered(reply::not_allowed(&head.verb, path, *verbs));
        }
        match action {
            Action::Ping => Before::Answered(reply::pong()),
            Action::OpenApi => {
                Before::Answered(reply::json(StatusCode::OK, self.description.clone()))
            }
            Action::Metadata | Action::Call(_) if !*self.ready.borrow() => {
                Before::Refused(Error::new(
                    ErrorKind::NotReady,
                    "the component has not finished loading",
                ))
            }
            Action::Metadata => Before::Metadata,
            Action::Call(method) => Before::Call(*method),
        }
    }

    async fn read<B: Buf, E>(
        &self,
        head: &Head,
        body: &mut (impl Stream<Item = std::result::Result<B, E>> + Unpin),
    ) -> Result<Bytes> {
        self.limits.check(head.length)?;
        body::collect(body, self.limits).await
    }

    async fn read_raw<B: Buf, E>(
        &self,
        context: &Context,
        head: &Head,
        body: &mut (impl Stream<Item = std::result::Result<B, E>> + Unpin),
    ) -> Result<Request> {
        self.limits.check(head.length)?;
        let pieces = body::pieces(body, self.limits).await?;
        context.received(pieces.iter().map(Bytes::len).sum());
        let payload = Payload::Raw(pieces);
        Ok(Request::Message(Message {
            payload,
            ..Message::default()
        }))
    }

    async fn decode_and_call(
        &self,
        context: &Context,
        head: &Head,
        method: Method,
        body: Bytes,
    ) -> Result<Reply> {
        context.received(body.len());
        let since = context.clock();
        let content_type = head.content_type.as_ref();
        let document = form::document(content_type, head.query.as_deref(), body).await?;
        let whole = self
            .unit
            .takes_whole(method, context.encoding)
            .then(|| Context {
                document: Some(document.clone()),
                ..context.clone()
            });
        let request = self
            .offload
            .run(document.len(), move || decode::request(method, &document))
            .await;
        context.ended(Stage::Decode, since);
        let request = request?;
        self.call(whole.as_ref().unwrap_or(context), method, request)
            .await
    }

    async fn call(&self, context: &Context, method: Method, request: Request) -> Result<Reply> {
        let mut message = self.unit.call(context, method, request).await?;
        let status = status::of_message(&message)?;
        let since = context.clock();
        let body = match message.payload {
            // One piece is the rule, and goes out from where it lies.
            Payload::Raw(ref mut pieces) if pieces.len() == 1 => pieces.remove(0),
            _ => {
                let size = size(&message);
                let encode = move || {
                    let mut body = Vec::with_capacity(size);
                    json::encode_message(&message, &mut body);
                    Bytes::from(body)
                };
                self.offload.run(size, encode).await
            }
        };
        context.ended(Stage::Encode, since);
        if body.len() > self.limits.size {
            return Err(Error::new(
                ErrorKind::TooLarge,
                format!(
                    "the answer has {} bytes, allowed are {}",
                    body.len(),
                    self.limits.size
                ),
            ));
        }
        Ok(reply::json(status, body))
    }

    async fn metadata(&self) -> Result<Reply> {
        let metadata = self.unit.metadata().await?;
        Ok(reply::json(StatusCode::OK, metadata.into_bytes()))
    }

    fn late(&self) -> Error {
        let allowed = self.timeout.unwrap_or_default();
        Error::new(
            ErrorKind::Deadline,
            format!("no answer within {} ms", allowed.as_millis()),
        )
    }
}

/// Where a request stands before its body is looked at.
enum Before {
    Answered(Reply),
    Refused(Error),
    Metadata,
    Call(Method),
}

/// About how many bytes a message takes as JSON; too few cost a copy, too many memory.
fn size(message: &Message) -> usize {
    // A float64 without a short form has 17 digits; most have fewer.
    const PER_NUMBER: usize = 12;
    let size = message.payload.size(PER_NUMBER);
    match message.payload {
        // Base64 makes four bytes of three.
        Payload::Binary(_) => size / 3 * 4,
        _ => size,
    }
}
