//! From the message of a request to the messages of its response, in any protocol.

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::Request as HttpRequest;
use http::request::Parts;
use hyper::body::Incoming;
use streeling_core::{
    Context, Error, ErrorKind, Input, Method, Models, Original, RawMessage, Request, Response,
    Result as CoreResult, Stage,
};
use streeling_net::{Elsewhere, Offload};
use tokio::sync::watch;
use tokio::time::timeout_at;
use tonic::Status;

use crate::failure::Failure;
use crate::frame::{PREFIX, framed};
use crate::idle::Messages;
use crate::observe::{Client, GRPC};
use crate::protocol::{Action, Decoded, Form, Protocol, Responses, Route};
use crate::request::Limits;
use crate::router::Found;

/// Calls models.
pub(crate) struct Calls {
    pub(crate) models: Models,
    pub(crate) ready: watch::Receiver<bool>,
    pub(crate) limits: Limits,
    pub(crate) offload: Offload,
}

/// The response to a request.
pub(crate) enum Reply {
    /// One message, in its frame.
    Message(Bytes),
    /// Messages that come one after the other.
    Stream(Messages),
}

impl Calls {
    /// Responds within the request's time; `timeout` is its length.
    pub(crate) async fn reply(
        self: &Arc<Self>,
        context: &Context,
        timeout: Option<Duration>,
        found: Found<'_>,
        request: HttpRequest<Incoming>,
        client: &Client,
    ) -> Result<Reply, Status> {
        // It is some kilobytes, which would be moved each time that it is wrapped once more.
        let work = Box::pin(self.run(context, timeout, found, request, client));
        finish(work, context, timeout, found).await
    }

    async fn run(
        self: &Arc<Self>,
        context: &Context,
        timeout: Option<Duration>,
        found: Found<'_>,
        request: HttpRequest<Incoming>,
        client: &Client,
    ) -> Result<Reply, Failure> {
        let action = found.route.action;
        let is_ready = *self.ready.borrow();
        if !is_ready {
            match action {
                // A page that wants the model to be ready refuses before the message is read.
                Action::Page(page) => found.protocol.page(page, None, false, &mut Vec::new())?,
                Action::Call(_) | Action::Stream(_) => return Err(Error::not_ready().into()),
            }
        }
        let (head, body) = request.into_parts();
        let caller = Caller {
            head,
            peer: client.address,
        };
        let mut charge = client.account.request();
        let headers = &caller.head.headers;
        let body = self.limits.read(headers, body, &self.offload, &mut charge);
        let body = body.await?;
        context.set_received(PREFIX + body.len());
        if let Some(request) = &context.request {
            request.hold(charge);
        }
        match action {
            Action::Page(page) => {
                let protocol = found.protocol;
                let write = |out: &mut Vec<u8>| protocol.page(page, Some(&body), is_ready, out);
                Ok(Reply::Message(framed(0, self.limits.size, write)?))
            }
            Action::Call(method) => {
                let protocol = Arc::clone(found.protocol);
                let called = self.call(context, protocol, method, caller, body);
                let Called {
                    response,
                    form,
                    protocol,
                } = called.await?;
                let message = self.encode(context, protocol, method, response, form);
                let message = message.await?;
                Ok(Reply::Message(message))
            }
            Action::Stream(method) => {
                let protocol = Arc::clone(found.protocol);
                let called = self.call(context, protocol, method, caller, body);
                let Called {
                    response,
                    form,
                    protocol,
                } = called.await?;
                let streaming = Streaming {
                    calls: Arc::clone(self),
                    responses: protocol.responses(method, response),
                    protocol,
                    form,
                    route: found.route,
                    method,
                    context: context.clone(),
                    timeout,
                };
                Ok(Reply::Stream(streaming.messages()))
            }
        }
    }

    /// Calls a method on the message. What is large takes none of its steps here, whatever parts of
    /// the server they are in.
    async fn call(
        self: &Arc<Self>,
        context: &Context,
        protocol: Arc<dyn Protocol>,
        method: Method,
        caller: Caller,
        body: Bytes,
    ) -> CoreResult<Called> {
        let size = body.len();
        if !Offload::moves(size) {
            return self
                .decode_and_call(context, protocol, method, &caller, body)
                .await;
        }
        let body = Bytes::from_owner(Elsewhere::new(body));
        let (calls, context) = (Arc::clone(self), context.clone());
        let request = context.request.clone();
        let called = async move {
            calls
                .decode_and_call(&context, protocol, method, &caller, body)
                .await
        };
        match request {
            Some(request) => self.offload.drive(size, request.scope(called)).await,
            None => self.offload.drive(size, called).await,
        }
    }

    async fn decode_and_call(
        &self,
        context: &Context,
        protocol: Arc<dyn Protocol>,
        method: Method,
        caller: &Caller,
        body: Bytes,
    ) -> CoreResult<Called> {
        let mut more = None;
        if protocol.has_raw_messages() {
            // Such messages name no model.
            let service = &self.models.get(None)?.service;
            if service.takes_raw_message(method, context.encoding) {
                let mut context = Context {
                    raw_message: RawMessage::given(body.clone()),
                    original: service.wants().head.then(|| Arc::new(caller.original())),
                    ..context.clone()
                };
                // Layers read the reward of feedback, which is therefore decoded all the same.
                if method != Method::SendFeedback {
                    let request = request(method, None, Input::Raw);
                    match service.call(&context, request).await {
                        Err(error) if error.kind == ErrorKind::NotImplemented => {}
                        result => {
                            return Ok(Called {
                                response: result?,
                                form: None,
                                protocol,
                            });
                        }
                    }
                    context.raw_message = RawMessage::Declined;
                }
                more = Some(context);
            }
        }
        let size = body.len();
        let since = context.clock();
        // What goes to another thread comes back, so that no message costs a count more.
        let memory = context.meter(size);
        let decode = move || (protocol.decode(method, &body, &memory), protocol, memory);
        let (decoded, protocol, memory) = self.offload.run(size, decode).await;
        context.hold(memory);
        context.record(Stage::Decode, since);
        let Decoded {
            model: name,
            input,
            form,
        } = decoded?;
        let model = self.models.get(name.as_deref())?;
        if more.is_none() && model.service.wants().head {
            more = Some(Context {
                original: Some(Arc::new(caller.original())),
                ..context.clone()
            });
        }
        let context = more.as_ref().unwrap_or(context);
        let request = request(method, name, input);
        Ok(Called {
            response: model.service.call(context, request).await?,
            form,
            protocol,
        })
    }

    async fn encode(
        &self,
        context: &Context,
        protocol: Arc<dyn Protocol>,
        method: Method,
        response: Response,
        form: Form,
    ) -> CoreResult<Bytes> {
        let limit = self.limits.size;
        let size = response.message.payload.size(size_of::<f64>());
        let about = size + response.message.size_beside_payload();
        let since = context.clock();
        let charge = context.charge_response(size)?;
        let encode = move || {
            framed(size, limit, |out| {
                protocol.encode(method, &response, &form, out)
            })
        };
        let encoded = self.offload.run(about, encode).await;
        context.record(Stage::Encode, since);
        let encoded = encoded?;
        // To drop what is large takes long, wherever that is done.
        let encoded = if Offload::moves(encoded.len()) {
            Bytes::from_owner(Elsewhere::new(encoded))
        } else {
            encoded
        };
        match charge {
            Some(charge) => charge.hold_whole(encoded),
            None => Ok(encoded),
        }
    }
}

fn request(method: Method, model: Option<String>, input: Input) -> Request {
    Request {
        method,
        model,
        input,
    }
}

/// What a call returned, with what writes it.
struct Called {
    response: Response,
    form: Form,
    protocol: Arc<dyn Protocol>,
}

/// Where a request came from.
struct Caller {
    head: Parts,
    peer: Option<SocketAddr>,
}

impl Caller {
    /// The request as it came. Its body is a message that only a transport can read.
    fn original(&self) -> Original {
        let headers = self.head.headers.iter().map(|(name, value)| {
            let value = Bytes::copy_from_slice(value.as_bytes());
            (name.as_str().to_owned(), value)
        });
        Original {
            transport: GRPC.name,
            verb: self.head.method.as_str().to_owned(),
            target: self.head.uri.path().to_owned(),
            headers: headers.collect(),
            peer: self.peer,
            ..Original::default()
        }
    }
}

/// A response of many messages on its way.
struct Streaming {
    calls: Arc<Calls>,
    responses: Responses,
    protocol: Arc<dyn Protocol>,
    form: Form,
    route: &'static Route,
    method: Method,
    context: Context,
    timeout: Option<Duration>,
}

impl Streaming {
    fn messages(self) -> Messages {
        Box::pin(stream::try_unfold(self, |mut streaming| async {
            let message = streaming.next().await?;
            Ok(message.map(|message| (message, streaming)))
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let Self {
            calls,
            responses,
            protocol,
            form,
            route,
            method,
            context,
            timeout,
        } = self;
        let found = Found { protocol, route };
        let next = async {
            let Some(response) = responses.next().await else {
                return Ok(None);
            };
            let protocol = Arc::clone(found.protocol);
            let form = form.clone();
            let message = calls.encode(context, protocol, *method, response?, form);
            let message = message.await?;
            Ok(Some(message))
        };
        let next = finish(next, context, *timeout, found);
        match &context.request {
            Some(request) => Arc::clone(request).scope(next).await,
            None => next.await,
        }
    }
}

/// Does a part of a request's work within the request's time.
async fn finish<T>(
    work: impl Future<Output = Result<T, Failure>>,
    context: &Context,
    timeout: Option<Duration>,
    found: Found<'_>,
) -> Result<T, Status> {
    // Nothing of the request is looked at again after a panic, so it cannot be seen torn.
    let work = AssertUnwindSafe(work).catch_unwind();
    let result = match context.deadline {
        None => work.await,
        Some(deadline) => match timeout_at(deadline.into(), work).await {
            Ok(result) => result,
            Err(_) => Ok(Err(Error::late(timeout.unwrap_or_default()).into())),
        },
    };
    let failure = match result {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let error = Error::panicked(&*panic);
            tracing::error!("{error}");
            error.into()
        }
    };
    Err(failure.into_status(found))
}
