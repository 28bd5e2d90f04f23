//! Streams of requests: each message is responded to in turn.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request as HttpRequest;
use hyper::body::Incoming;
use streeling_core::{
    Account, Context, Error, Method, RequestContext, Response, Result as CoreResult,
};
use tokio::time::{Instant, timeout_at};
use tonic::Status;

use crate::calls::{Called, Caller, Calls, finish};
use crate::failure::Failure;
use crate::frame::framed;
use crate::idle::Messages;
use crate::inbox::Inbox;
use crate::observe::{Client, GRPC};
use crate::protocol::{Form, Protocol, Responses, Route};
use crate::router::Found;

/// The messages of a response to a stream of requests. There is one message under way at a time:
/// the next one is read when the response to it has been taken.
pub(crate) fn respond(
    calls: &Arc<Calls>,
    context: &Context,
    timeout: Option<Duration>,
    (found, method): (Found<'_>, Method),
    request: HttpRequest<Incoming>,
    client: &Client,
) -> Result<Messages, Status> {
    let failed = |failure: Failure| failure.into_status(found);
    if !*calls.ready.borrow() {
        return Err(failed(Error::not_ready().into()));
    }
    let (head, body) = request.into_parts();
    let inbox = Inbox::new(&head.headers, body, client.drain.clone());
    let inbox = inbox.map_err(|status| failed(status.into()))?;
    let shared = Shared {
        calls: Arc::clone(calls),
        protocol: Arc::clone(found.protocol),
        route: found.route,
        method,
        caller: Caller {
            head,
            peer: client.address,
        },
        account: client.account.clone(),
        context: context.clone(),
        timeout,
    };
    let duplex = Duplex {
        shared,
        inbox,
        turn: None,
    };
    Ok(Box::pin(stream::try_unfold(
        duplex,
        |mut duplex| async move {
            let message = duplex.next().await?;
            Ok(message.map(|message| (message, duplex)))
        },
    )))
}

/// A stream of requests on its way.
struct Duplex {
    shared: Shared,
    inbox: Inbox,
    turn: Option<Turn>,
}

/// What all messages of a stream share.
struct Shared {
    calls: Arc<Calls>,
    protocol: Arc<dyn Protocol>,
    route: &'static Route,
    method: Method,
    caller: Caller,
    account: Account,
    context: Context,
    /// The caller's, for the stream as a whole.
    timeout: Option<Duration>,
}

/// A message that has come.
struct Received {
    message: Bytes,
    context: Context,
    until: Option<Instant>,
}

/// A message that is being responded to.
struct Turn {
    message: Bytes,
    /// Of this message alone: what it takes is charged for no longer than that.
    context: Context,
    /// When its time is up.
    until: Option<Instant>,
    form: Form,
    responses: Responses,
}

impl Duplex {
    async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        let protocol = Arc::clone(&self.shared.protocol);
        let found = Found {
            protocol: &protocol,
            route: self.shared.route,
        };
        let (context, timeout) = (self.shared.context.clone(), self.shared.timeout);
        let next = finish(self.step(), &context, timeout, found);
        match &context.request {
            Some(request) => Arc::clone(request).scope(next).await,
            None => next.await,
        }
    }

    /// The next message of the response; none when the client has sent all of its own, and each of
    /// them was responded to.
    async fn step(&mut self) -> Result<Option<Bytes>, Failure> {
        let Self {
            shared,
            inbox,
            turn: current,
        } = self;
        loop {
            shared.expect_time()?;
            if let Some(mut turn) = current.take() {
                let until = turn.until;
                match shared.in_time(until, shared.response(&mut turn)).await {
                    Ok(None) => {}
                    Ok(Some(message)) => {
                        *current = Some(turn);
                        return Ok(Some(message));
                    }
                    Err(error) => return shared.failed(&turn.message, error).map(Some),
                }
            }
            let Some(received) = shared.receive(inbox).await? else {
                return Ok(None);
            };
            let Received {
                message,
                context,
                until,
            } = received;
            let work = shared.call(&context, message.clone());
            match shared.in_time(until, work).await {
                Ok(Called { response, form, .. }) => {
                    *current = Some(Turn {
                        message,
                        context,
                        until,
                        form,
                        responses: shared.protocol.responses(shared.method, response),
                    });
                }
                Err(error) => return shared.failed(&message, error).map(Some),
            }
        }
    }
}

impl Shared {
    /// The next message, and what it is called with.
    async fn receive(&self, inbox: &mut Inbox) -> Result<Option<Received>, Failure> {
        let Calls {
            limits, offload, ..
        } = &*self.calls;
        let mut charge = self.account.request();
        let Some(message) = inbox.next(*limits, offload, &mut charge).await? else {
            return Ok(None);
        };
        let own = self.calls.timeout;
        let until = own.and_then(|timeout| Instant::now().checked_add(timeout));
        let context = self.context_of_turn(until);
        context.set_received(message.len());
        if let Some(request) = &context.request {
            request.hold(charge);
        }
        Ok(Some(Received {
            message,
            context,
            until,
        }))
    }

    /// Ends the stream when its caller's time is up, whatever comes all the same.
    fn expect_time(&self) -> CoreResult<()> {
        match self.context.deadline.map(Instant::from_std) {
            Some(deadline) if deadline <= Instant::now() => {
                Err(Error::late(self.timeout.unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// What a message is called with: the request's own, but for its time and what it takes.
    fn context_of_turn(&self, until: Option<Instant>) -> Context {
        let deadlines = [self.context.deadline, until.map(Instant::into_std)];
        let request = self.context.request.as_ref().map(|request| {
            let mut turn = RequestContext::new(&GRPC, request.id.clone());
            turn.trace = request.trace;
            turn.set_operation(request.operation());
            Arc::new(turn)
        });
        Context {
            deadline: deadlines.into_iter().flatten().min(),
            request,
            ..self.context.clone()
        }
    }

    async fn call(&self, context: &Context, message: Bytes) -> CoreResult<Called> {
        if !*self.calls.ready.borrow() {
            return Err(Error::not_ready());
        }
        let (protocol, caller) = (Arc::clone(&self.protocol), self.caller.clone());
        let called = self
            .calls
            .call(context, protocol, self.method, caller, message);
        called.await
    }

    /// The next response to a message, in its frame.
    async fn response(&self, turn: &mut Turn) -> CoreResult<Option<Bytes>> {
        let Some(response) = turn.responses.next().await else {
            return Ok(None);
        };
        let (protocol, method) = (Arc::clone(&self.protocol), self.method);
        let (message, form) = (turn.message.clone(), turn.form.clone());
        let write = move |response: &Response, out: &mut Vec<u8>| {
            protocol.encode_turn(method, &message, Ok((response, &form)), out)
        };
        let written = self.calls.written(&turn.context, response?, write);
        written.await.map(Some)
    }

    /// Does a part of what a message leads to within its time.
    async fn in_time<T>(
        &self,
        until: Option<Instant>,
        work: impl Future<Output = CoreResult<T>>,
    ) -> CoreResult<T> {
        let Some(until) = until else {
            return work.await;
        };
        let late = |_| Error::late(self.calls.timeout.unwrap_or_default());
        timeout_at(until, work).await.map_err(late)?
    }

    /// What an error is in the stream: a message, after which it goes on, or its end.
    fn failed(&self, message: &Bytes, error: Error) -> Result<Bytes, Failure> {
        let found = Found {
            protocol: &self.protocol,
            route: self.route,
        };
        // It is logged and counted in either case.
        let status = Failure::from(error.clone()).into_status(found);
        let (protocol, method) = (&self.protocol, self.method);
        let written = framed(0, self.calls.limits.size, |out| {
            protocol.encode_turn(method, message, Err(error), out)
        });
        written.map_err(|_| status.into())
    }
}
