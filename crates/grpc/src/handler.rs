//! From a request to a response, as HTTP has them.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use streeling_core::{Context, Error, Models, Observers, RawMessage, RequestContext};
use streeling_net::{BearerToken, Offload};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;

use crate::bounded::Bounded;
use crate::calls::{Calls, Reply};
use crate::failure::Failure;
use crate::observe::{self, Client};
use crate::request::Limits;
use crate::router::Router;
use crate::standard::Standard;
use crate::{Config, standard, timeout};

/// What all requests share.
pub(crate) struct Handler {
    observers: Observers,
    router: Router,
    standard: Standard,
    timeout: Option<Duration>,
    calls: Arc<Calls>,
    token: Option<BearerToken>,
}

impl Handler {
    pub(crate) fn new(
        config: &Config,
        router: Router,
        standard: Standard,
        models: Models,
        observers: Observers,
        ready: watch::Receiver<bool>,
    ) -> Self {
        let calls = Calls {
            models,
            ready,
            limits: Limits {
                size: config.max_message,
                idle: config.idle_timeout,
                time: config.body_timeout,
            },
            offload: Offload::new(),
        };
        Self {
            observers,
            router,
            standard,
            timeout: config.timeout,
            calls: Arc::new(calls),
            token: config.token.clone(),
        }
    }

    /// Responds to a request, whatever happens on the way, and notifies the observers.
    pub(crate) async fn handle(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        client: Client,
    ) -> Response<Body> {
        let is_permitted = self.permits(request.headers_mut());
        let guard = client.start(&self.observers, &request);
        let context = Arc::clone(guard.request());
        let context_of_call = Arc::clone(&context);
        let response = async {
            if !is_permitted && !self.is_probe(request.uri().path()) {
                return self.refuse(&request, &context_of_call);
            }
            self.respond(request, context_of_call, client).await
        };
        let response = context.scope(response).await;
        observe::finish(guard, &response);
        response
    }

    /// Looks for the token that requests must bring. The header is taken out, so that neither the
    /// component nor a log gets it.
    fn permits(&self, headers: &mut HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let brought = headers.get_all(header::AUTHORIZATION).into_iter();
        let is_permitted = token.permits(brought.map(HeaderValue::as_bytes));
        headers.remove(header::AUTHORIZATION);
        is_permitted
    }

    /// Whether a path is for probes, which bring no token.
    fn is_probe(&self, path: &str) -> bool {
        let found = self.router.find(path);
        found.is_some_and(|found| found.protocol.is_probe(found.route)) || standard::is_probe(path)
    }

    /// What a request without a token gets.
    fn refuse(&self, request: &Request<Incoming>, context: &RequestContext) -> Response<Body> {
        let path = request.uri().path();
        let error = Error::unauthenticated();
        let status = match self.router.find(path) {
            Some(found) => {
                context.set_operation(found.route.operation);
                Failure::from(error).into_status(found)
            }
            None => Status::unauthenticated(error.info),
        };
        status.into_http()
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        context: Arc<RequestContext>,
        client: Client,
    ) -> Response<Body> {
        if !is_grpc(request.headers()) {
            let mut refused = Response::new(Body::empty());
            *refused.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return refused;
        }
        let path = request.uri().path();
        let Some(found) = self.router.find(path) else {
            if let Some(service) = self.standard.find(path) {
                context.set_operation(service.operation);
                let limits = self.calls.limits;
                let request = request.map(|body| Bounded::new(body, limits.idle, client.drain));
                let response = (service.call)(request).await;
                return response.map(|body| Body::new(client.unsent.counted(body)));
            }
            tracing::debug!("{path} refused with Unimplemented: no such method");
            return Status::unimplemented(format!("there is no method {path} here")).into_http();
        };
        context.set_operation(found.route.operation);
        let callers = match timeout::of(request.headers()) {
            Ok(callers) => callers,
            Err(status) => return Failure::from(status).into_status(found).into_http(),
        };
        let timeout = match (callers, self.timeout) {
            (Some(callers), Some(ours)) => Some(callers.min(ours)),
            (callers, ours) => callers.or(ours),
        };
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let context = Context {
            deadline: deadline.map(Instant::into_std),
            encoding: found.protocol.encoding(),
            raw_message: RawMessage::Unknown,
            original: None,
            request: Some(context),
        };
        let reply = self.calls.reply(&context, timeout, found, request, &client);
        let body = match reply.await {
            Ok(Reply::Message(message)) => client.unsent.message(message, context.request),
            Ok(Reply::Stream(messages)) => client.unsent.stream(messages, context.request),
            Err(status) => return status.into_http(),
        };
        let mut response = Response::new(Body::new(body));
        let content_type = HeaderValue::from_static("application/grpc");
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        response
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    // `+json` and the like would be other encodings of the messages.
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b";") || rest == b"+proto")
}
