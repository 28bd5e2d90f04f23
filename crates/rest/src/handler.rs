//! From a request's head and body to its response, in any protocol.

mod page;

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::{FutureExt as _, Stream};
use http::Method as Verb;
use streeling_core::{
    Context, Error, ErrorKind, Input, Message, Method, Model, Models, Payload, RawMessage, Request,
    Result, Service, Stage, Wants,
};
use streeling_net::{BearerToken, Offload};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::Config;
use crate::body::{self, Limits};
use crate::head::Head;
use crate::protocol::{Action, Decoded, Form, Params, Problem, Protocol, Undecoded};
use crate::received::{self, Received, as_input, as_raw_message, undecoded};
use crate::reply::{self, Body, Reply};
use crate::router::{Match, Router};
use crate::{own, standard, token};

/// The part of a path that names the model.
const MODEL: &str = "model";

/// What all requests share.
pub(crate) struct Handler {
    models: Models,
    ready: watch::Receiver<bool>,
    router: Router,
    limits: Limits,
    timeout: Option<Duration>,
    offload: Offload,
    token: Option<BearerToken>,
}

/// Where a request stands before its body is looked at.
enum Before {
    /// There is a response already.
    Done(Reply),
    /// The model is to be called.
    Call(Method),
}

/// What came of a raw message.
enum Raw {
    Reply(Reply),
    /// The component takes none for this method.
    Declined,
    /// The protocol has none here.
    None,
}

impl Handler {
    pub(crate) fn new(
        config: &Config,
        protocols: Vec<Arc<dyn Protocol>>,
        models: Models,
        ready: watch::Receiver<bool>,
    ) -> Self {
        Self {
            models,
            ready,
            router: Router::new(protocols),
            limits: Limits {
                size: config.max_body_size,
                idle: config.idle_timeout,
                time: config.body_timeout,
            },
            timeout: config.timeout,
            offload: Offload::new(),
            token: config.token.clone(),
        }
    }

    /// Looks for the token that requests must bring.
    pub(crate) fn check(&self, head: &mut Head) {
        if let Some(token) = &self.token {
            head.check(token);
        }
    }

    /// Responds to a request, whatever happens on the way.
    pub(crate) async fn handle<B, E>(
        self: &Arc<Self>,
        head: &Arc<Head>,
        body: impl Stream<Item = std::result::Result<B, E>> + Send + Unpin + 'static,
    ) -> Reply
    where
        B: Buf + Send,
        E: Send,
    {
        let found = self.router.find(head.path());
        let protocol = self.protocol(head, found.as_ref());
        let context = Context {
            deadline: self
                .timeout
                .and_then(|timeout| Instant::now().checked_add(timeout))
                .map(Instant::into_std),
            encoding: protocol.encoding(),
            raw_message: RawMessage::Unknown,
            original: None,
            request: Some(Arc::clone(&head.request)),
        };
        // It is a kilobyte, which would be moved each time that it is wrapped once more. Rare ways
        // through it are boxed, as it has room for all of them.
        let response = pin!(self.respond(&context, head, found.as_ref(), body));
        // Nothing of the request is looked at again after a panic, so it cannot be seen torn.
        let response = AssertUnwindSafe(response).catch_unwind();
        let response = match context.deadline {
            None => response.await,
            // The timer is large, and most requests have none.
            Some(deadline) => match Box::pin(timeout_at(deadline.into(), response)).await {
                Ok(response) => response,
                Err(_) => Ok(Err(Error::late(self.timeout.unwrap_or_default()))),
            },
        };
        let error = match response {
            Ok(Ok(reply)) => return reply::freed_elsewhere(reply),
            Ok(Err(error)) => error,
            Err(panic) => {
                let error = Error::panicked(&*panic);
                tracing::error!(path = head.path(), "{error}");
                error
            }
        };
        let size = error.info.len();
        if Offload::moves(size) {
            let (protocol, head) = (Arc::clone(protocol), Arc::clone(head));
            let request = Arc::clone(&head.request);
            let problem =
                async move { standard::problem(&*protocol, &head, Problem::Error(&error)) };
            let reply = Box::pin(self.offload.drive(size, request.scope(problem))).await;
            return reply::freed_elsewhere(reply);
        }
        standard::problem(&**protocol, head, Problem::Error(&error))
    }

    async fn respond<B, E>(
        self: &Arc<Self>,
        context: &Context,
        head: &Arc<Head>,
        found: Option<&Match<'_>>,
        mut body: impl Stream<Item = std::result::Result<B, E>> + Send + Unpin + 'static,
    ) -> Result<Reply>
    where
        B: Buf + Send,
        E: Send,
    {
        if let Some(fault) = head.fault {
            body::discard(body);
            return Err(fault.error());
        }
        if let Some(refused) = token::refuse(head, found) {
            if head.is_followed_by_body() {
                body::discard(body);
            }
            return refused;
        }
        let name = found.and_then(|found| found.params.get("model"));
        let model = self.models.get(name).ok().map(|model| &*model.service);
        let wants = model.map_or_else(Wants::default, Service::wants);
        let protocol = self.protocol(head, found);
        if let Some(model) = model
            && wants.pages
            && protocol.leaves_pages()
            && self.is_for_page(head, found, model)
        {
            return Box::pin(self.respond_with_page(context, head, found, wants, body)).await;
        }
        let Some(found) = found else {
            if head.is_followed_by_body() {
                body::discard(body);
            }
            return Ok(self.not_found(head));
        };
        head.request.set_operation(found.route.operation);
        let received = match self.before_body(head, found) {
            Ok(Before::Done(reply)) => Err(Ok(reply)),
            Ok(Before::Call(method @ (Method::HealthStatus | Method::Metadata))) => {
                let with_original = own::context(context, head, wants, Bytes::new);
                let context = with_original.as_deref().unwrap_or(context);
                let called = self.call_undecoded(context, method, found, Input::None);
                return Box::pin(called).await;
            }
            Ok(Before::Call(method)) if found.protocol.passes_through(method) => {
                let pieces = received::pieces(context, head, &mut body, self.limits);
                let pieces = Box::pin(pieces).await.map_err(Err);
                pieces.map(|pieces| Received::Unread(method, pieces))
            }
            Ok(Before::Call(method)) => {
                let whole = received::whole(head, &mut body, self.limits, &self.offload);
                let whole = whole.await.map_err(Err);
                whole.map(|whole| Received::Message(method, whole))
            }
            Err(error) => Err(Err(error)),
        };
        let received = match received {
            Ok(received) => received,
            Err(result) => {
                if head.is_followed_by_body() {
                    body::discard(body);
                }
                return result;
            }
        };
        drop(body);
        if Offload::moves(received.size()) {
            let taken = self.take_elsewhere(context, head, Some(found), wants, received);
            return Box::pin(taken).await;
        }
        self.take(context, head, Some(found), wants, received).await
    }

    /// As [`Handler::take`]. What is large takes none of its steps here, whatever parts of the
    /// server they are in.
    async fn take_elsewhere(
        self: &Arc<Self>,
        context: &Context,
        head: &Arc<Head>,
        found: Option<&Match<'_>>,
        wants: Wants,
        received: Received,
    ) -> Result<Reply> {
        let size = received.size();
        if !Offload::moves(size) {
            return self.take(context, head, found, wants, received).await;
        }
        let (handler, context, head) = (Arc::clone(self), context.clone(), Arc::clone(head));
        let request = Arc::clone(&head.request);
        let taken = async move {
            let found = handler.router.find(head.path());
            handler
                .take(&context, &head, found.as_ref(), wants, received)
                .await
        };
        self.offload.drive(size, request.scope(taken)).await
    }

    /// Responds to a request whose body has come.
    async fn take(
        &self,
        context: &Context,
        head: &Arc<Head>,
        found: Option<&Match<'_>>,
        wants: Wants,
        received: Received,
    ) -> Result<Reply> {
        match (received, found) {
            (Received::Message(method, whole), Some(found)) => {
                let with_original = own::context(context, head, wants, || whole.clone());
                let context = with_original.as_deref().unwrap_or(context);
                self.decode_and_call(context, head, found, method, whole)
                    .await
            }
            (Received::Unread(method, pieces), Some(found)) => {
                let whole = || pieces.concat().into();
                let with_original = own::context(context, head, wants, whole);
                let context = with_original.as_deref().unwrap_or(context);
                let input = Input::Message(Message {
                    payload: Payload::Opaque(pieces),
                    ..Message::default()
                });
                Box::pin(self.call_undecoded(context, method, found, input)).await
            }
            (Received::Page(whole), _) => {
                let name = found.and_then(|found| found.params.get(MODEL));
                let model = &*self.models.get(name)?.service;
                Box::pin(self.page(context, head, found, model, whole)).await
            }
            (Received::Message(..) | Received::Unread(..), None) => Ok(self.not_found(head)),
        }
    }

    /// What can be said before the body is looked at.
    fn before_body(&self, head: &Head, found: &Match<'_>) -> Result<Before> {
        let route = found.route;
        if head.verb == Verb::OPTIONS {
            return Ok(Before::Done(standard::options(route.verbs, head)));
        }
        if !route.verbs.allow(&head.verb) {
            let problem = Problem::NotAllowed {
                verb: &head.verb,
                path: head.path(),
                allowed: route.verbs,
            };
            return Ok(Before::Done(standard::problem(
                &**found.protocol,
                head,
                problem,
            )));
        }
        match route.action {
            Action::Page(page) => {
                let is_ready = *self.ready.borrow();
                let reply = found.protocol.page(page, &found.params, is_ready);
                Ok(Before::Done(reply))
            }
            Action::Call(_) if !*self.ready.borrow() => Err(Error::not_ready()),
            Action::Call(method) => {
                if !found.params.is_empty() {
                    found.protocol.check(&found.params)?;
                }
                Ok(Before::Call(method))
            }
        }
    }

    /// Calls a method on what needs no decoding.
    async fn call_undecoded(
        &self,
        context: &Context,
        method: Method,
        found: &Match<'_>,
        input: Input,
    ) -> Result<Reply> {
        let request = request(method, &found.params, input);
        let model = self.models.get(request.model.as_deref())?;
        self.call(context, model, found, request, None).await
    }

    async fn decode_and_call(
        &self,
        context: &Context,
        head: &Arc<Head>,
        found: &Match<'_>,
        method: Method,
        body: Bytes,
    ) -> Result<Reply> {
        context.set_received(body.len());
        let model = self.models.get(found.params.get(MODEL))?;
        let mut declined = None;
        if model.service.takes_raw_message(method, context.encoding) {
            let called = self.call_raw(context, head, found, method, body.clone());
            match Box::pin(called).await? {
                Raw::Reply(reply) => return Ok(reply),
                Raw::Declined => {
                    declined = Some(Box::new(Context {
                        raw_message: RawMessage::Declined,
                        ..context.clone()
                    }));
                }
                Raw::None => {}
            }
        }
        let context = declined.as_deref().unwrap_or(context);
        let Decoded { input, form } = if Offload::moves(body.len()) {
            let read = self.read_elsewhere(context, head, found, method, body, as_input);
            Box::pin(read).await?
        } else {
            Self::read(context, head, found, method, body, as_input)?
        };
        let request = request(method, &found.params, input);
        self.call(context, model, found, request, form).await
    }

    /// Has a component that takes raw messages respond to one.
    async fn call_raw(
        &self,
        context: &Context,
        head: &Arc<Head>,
        found: &Match<'_>,
        method: Method,
        body: Bytes,
    ) -> Result<Raw> {
        let model = self.models.get(found.params.get(MODEL))?;
        let read = if Offload::moves(body.len()) {
            let read = self.read_elsewhere(context, head, found, method, body, as_raw_message);
            Box::pin(read).await?
        } else {
            Self::read(context, head, found, method, body, as_raw_message)?
        };
        let Some((message, input)) = read else {
            return Ok(Raw::None);
        };
        let context = Context {
            raw_message: message,
            ..context.clone()
        };
        let request = request(method, &found.params, input);
        match self.call(&context, model, found, request, None).await {
            Err(error) if error.kind == ErrorKind::NotImplemented => Ok(Raw::Declined),
            result => result.map(Raw::Reply),
        }
    }

    /// Reads a body in one of the ways of its protocol.
    fn read<T>(
        context: &Context,
        head: &Head,
        found: &Match<'_>,
        method: Method,
        body: Bytes,
        way: impl FnOnce(&dyn Protocol, Undecoded<'_>) -> Result<T>,
    ) -> Result<T> {
        let since = context.clock();
        let memory = context.meter(body.len());
        let undecoded = undecoded(head, found.route, method, &found.params, body, &memory);
        let read = way(&**found.protocol, undecoded);
        context.hold(memory);
        context.record(Stage::Decode, since);
        read
    }

    /// The same for a large body, beside the threads that move bytes.
    async fn read_elsewhere<T: Send + 'static>(
        &self,
        context: &Context,
        head: &Arc<Head>,
        found: &Match<'_>,
        method: Method,
        body: Bytes,
        way: impl FnOnce(&dyn Protocol, Undecoded<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let since = context.clock();
        let size = body.len();
        let memory = context.meter(size);
        let (protocol, head) = (Arc::clone(found.protocol), Arc::clone(head));
        let (route, params) = (found.route, found.params.clone());
        let read = move || {
            let undecoded = undecoded(&head, route, method, &params, body, &memory);
            (way(&*protocol, undecoded), memory)
        };
        let (read, memory) = self.offload.run(size, read).await;
        context.hold(memory);
        context.record(Stage::Decode, since);
        read
    }

    /// Calls the model. The request goes there before there is a future, which would be moved with
    /// it.
    fn call<'a>(
        &'a self,
        context: &'a Context,
        model: &'a Model,
        found: &'a Match<'_>,
        request: Request,
        form: Form,
    ) -> impl Future<Output = Result<Reply>> {
        let method = request.method;
        let response = model.service.call(context, request);
        async move {
            let response = response.await?;
            let since = context.clock();
            let size = found.protocol.encoded_size(&response);
            let charge = context.charge_response(size)?;
            let about = size + response.message.size_beside_payload();
            let reply = if Offload::moves(about) {
                let protocol = Arc::clone(found.protocol);
                let encode = move || protocol.encode(method, response, size, form);
                Box::pin(self.offload.run(about, encode)).await
            } else {
                found.protocol.encode(method, response, size, form)
            };
            context.record(Stage::Encode, since);
            let mut reply = reply?;
            if let (Some(charge), Body::Whole(bytes)) = (charge, reply.body_mut()) {
                *bytes = charge.hold_whole(std::mem::take(bytes))?;
            }
            if let Some(length) = reply.body().len()
                // What a component says about itself is not bounded by what requests may be.
                && length > self.limits.size
                && method != Method::Metadata
            {
                return Err(Error::response_too_large(
                    length,
                    self.limits.size,
                    "--max-body-size, STREELING_MAX_BODY_SIZE",
                ));
            }
            Ok(reply)
        }
    }
}

fn request(method: Method, params: &Params, input: Input) -> Request {
    Request {
        method,
        model: params.get(MODEL).map(str::to_owned),
        input,
    }
}
