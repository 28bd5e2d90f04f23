//! From a request's head and body to its answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request as HttpRequest, Response, StatusCode, header};
use hyper::body::Incoming;
use prost::Message as _;
use streeling_codec::proto;
use streeling_core::{
    Call, Context, Encoding, Error, ErrorKind, Message, Method, Request, Stage, Unit,
};
use streeling_net::Offload;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;

use crate::observe::{self, Client};
use crate::request::{Limits, PREFIX};
use crate::routes::{self, Action};
use crate::stall::Unsent;
use crate::standard::Standard;
use crate::status::{status, undecodable};
use crate::{Config, metadata, timeout};

/// What all requests share.
pub(crate) struct State {
    unit: Unit,
    ready: watch::Receiver<bool>,
    standard: Standard,
    limits: Limits,
    timeout: Option<Duration>,
    offload: Offload,
}

impl State {
    pub(crate) fn new(
        config: &Config,
        unit: Unit,
        ready: watch::Receiver<bool>,
        standard: Standard,
    ) -> Arc<Self> {
        Arc::new(Self {
            unit,
            ready,
            standard,
            limits: Limits {
                size: config.max_message,
                stall: config.stall,
            },
            timeout: config.timeout,
            offload: Offload::new(),
        })
    }

    /// Answers a request, come what may, and tells who observes.
    pub(crate) async fn handle(
        self: Arc<Self>,
        request: HttpRequest<Incoming>,
        client: Client,
    ) -> Response<Body> {
        let watched = client.begin(self.unit.observers(), &request);
        let call = Arc::clone(watched.call());
        let answer = self.respond(request, Arc::clone(&call), client.unsent);
        let response = call.scope(answer).await;
        observe::end(watched, &response);
        response
    }

    async fn respond(
        &self,
        request: HttpRequest<Incoming>,
        call: Arc<Call>,
        unsent: Unsent,
    ) -> Response<Body> {
        if !is_grpc(request.headers()) {
            let mut refused = Response::new(Body::empty());
            *refused.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return refused;
        }
        let path = request.uri().path();
        let Some(route) = routes::find(path) else {
            if let Some(service) = self.standard.find(path) {
                call.set_subject(service.subject);
                let answer = (service.call)(request);
                return answer.await;
            }
            return Status::unimplemented(format!("there is no method {path} here")).into_http();
        };
        call.set_subject(route.subject());
        // The caller's patience, and ours.
        let patience = match (timeout::of(request.headers()), self.timeout) {
            (Some(theirs), Some(ours)) => Some(theirs.min(ours)),
            (theirs, ours) => theirs.or(ours),
        };
        let context = Context {
            deadline: patience.and_then(|patience| Instant::now().checked_add(patience)),
            encoding: Encoding::Protobuf,
            document: None,
            call: Some(call),
        };
        // Nothing of the request is looked at again after a panic, so it cannot be seen torn.
        let answer = AssertUnwindSafe(self.answer(&context, route.action, request)).catch_unwind();
        let answer = match context.deadline {
            None => answer.await,
            Some(deadline) => match tokio::time::timeout_at(deadline.into(), answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(Err(late(patience))),
            },
        };
        match answer {
            Ok(Ok(message)) => {
                let mut response = Response::new(Body::new(unsent.answer(message)));
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/grpc"),
                );
                response
            }
            Ok(Err(status)) => status.into_http(),
            Err(panic) => {
                let error = Error::panicked(&*panic);
                tracing::error!("{error}");
                status(&error).into_http()
            }
        }
    }

    async fn answer(
        &self,
        context: &Context,
        action: Action,
        request: HttpRequest<Incoming>,
    ) -> Result<Bytes, Status> {
        if !*self.ready.borrow() {
            return Err(status(&Error::new(
                ErrorKind::NotReady,
                "the component has not finished loading",
            )));
        }
        let (head, body) = request.into_parts();
        let body = self.limits.read(&head.headers, body, &self.offload).await?;
        context.received(PREFIX + body.len());
        let answered = match action {
            Action::Call(method) => self.call(context, method, body).await,
            Action::Metadata => self.metadata().await,
            Action::GraphMetadata => Err(Error::new(
                ErrorKind::NotImplemented,
                "GraphMetadata not available on the Model level.",
            )),
        };
        answered.map_err(|error| status(&error))
    }

    async fn call(&self, context: &Context, method: Method, body: Bytes) -> Result<Bytes, Error> {
        let size = body.len();
        let whole = self
            .unit
            .takes_whole(method, context.encoding)
            .then(|| Context {
                document: Some(body.clone()),
                ..context.clone()
            });
        let since = context.clock();
        let decode = move || decode(method, &body);
        let request = self.offload.run(size, decode).await;
        context.ended(Stage::Decode, since);
        let request = request?;
        let message = self
            .unit
            .call(whole.as_ref().unwrap_or(context), method, request)
            .await?;
        let limit = self.limits.size;
        let size = message.payload.size(size_of::<f64>());
        let since = context.clock();
        let encode = move || encode(&message, size, limit);
        let encoded = self.offload.run(size, encode).await;
        context.ended(Stage::Encode, since);
        encoded
    }

    async fn metadata(&self) -> Result<Bytes, Error> {
        let message = metadata::message(&self.unit.metadata().await?)?;
        framed(message.encoded_len(), self.limits.size, |out| {
            message
                .encode(out)
                .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
        })
    }
}

fn decode(method: Method, body: &Bytes) -> Result<Request, Error> {
    let limits = proto::Limits::default();
    let decoded = match method {
        Method::Predict | Method::TransformInput | Method::TransformOutput | Method::Route => {
            proto::decode_message(body, limits).map(Request::Message)
        }
        Method::Aggregate => proto::decode_messages(body, limits).map(Request::Messages),
        Method::SendFeedback => proto::decode_feedback(body, limits)
            .map(|feedback| Request::Feedback(Box::new(feedback))),
        Method::HealthStatus => Ok(Request::Nothing),
    };
    decoded.map_err(|error| undecodable(&error))
}

fn encode(message: &Message, size: usize, limit: usize) -> Result<Bytes, Error> {
    framed(size, limit, |out| {
        proto::encode_message(message, out)
            .map_err(|error| Error::new(ErrorKind::Component, error.to_string()))
    })
}

/// A message of about `size` bytes behind its prefix.
fn framed(
    size: usize,
    limit: usize,
    write: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
) -> Result<Bytes, Error> {
    let mut out = Vec::with_capacity(PREFIX + size);
    out.resize(PREFIX, 0);
    write(&mut out)?;
    let length = out.len() - PREFIX;
    let claimed = u32::try_from(length).ok().filter(|_| length <= limit);
    let Some(claimed) = claimed else {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the answer has {length} bytes, allowed are {limit}"),
        ));
    };
    out[1..PREFIX].copy_from_slice(&claimed.to_be_bytes());
    Ok(Bytes::from(out))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    // `+json` and the like would be other encodings of the messages.
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b";") || rest == b"+proto")
}

fn late(patience: Option<Duration>) -> Status {
    status(&Error::new(
        ErrorKind::Deadline,
        format!(
            "no answer within {} ms",
            patience.unwrap_or_default().as_millis()
        ),
    ))
}
