//! Responses that are the same in every protocol: OPTIONS, and the headers of failures.

use bytes::Bytes;
use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ALLOW, RETRY_AFTER, VARY, WWW_AUTHENTICATE,
};
use streeling_core::{Error, ErrorKind};

use crate::coding;
use crate::head::Head;
use crate::own;
use crate::protocol::{Problem, Protocol, Verbs};
use crate::reply::{Reply, html};

/// What a browser may try on any route from another origin. A method that a route lacks gets a 405
/// all the same, from any origin.
const CROSS_ORIGIN_METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

/// A failure in the protocol's words, with the headers that it has in any protocol. The log has a
/// line about it.
pub(crate) fn problem(protocol: &dyn Protocol, head: &Head, problem: Problem<'_>) -> Reply {
    let mut reply = protocol.problem(problem);
    match problem {
        Problem::NotAllowed { allowed, .. } => allow(&mut reply, allowed),
        Problem::Error(error) => {
            if let Some(limit) = error.limit {
                head.request.set_limit(limit);
            }
            if let Some(time) = error.kind.retry_after() {
                let seconds = HeaderValue::from(time.as_secs());
                reply.headers_mut().insert(RETRY_AFTER, seconds);
            }
            if error.kind == ErrorKind::Unauthenticated {
                let scheme = HeaderValue::from_static("Bearer");
                reply.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            }
            if let Some(page) = &error.page
                && let Err(error) = own::write(page, &mut reply)
            {
                reply = protocol.problem(Problem::Error(&error));
            }
            coding::say_allowed(head, &mut reply);
        }
        Problem::NotFound(_) => {}
    }
    log(head, problem, &reply);
    reply
}

/// What a client did is of interest to those who look for it; what the server could not do, to its
/// operator.
fn log(head: &Head, problem: Problem<'_>, reply: &Reply) {
    let (verb, target, status) = (&head.verb, head.target(), reply.status().as_u16());
    match problem {
        Problem::NotFound(_) => tracing::debug!("{verb} {target} refused with {status}: no route"),
        Problem::NotAllowed { allowed, .. } => {
            let allowed = allowed.header();
            tracing::debug!("{verb} {target} refused with {status}: allowed are {allowed}");
        }
        Problem::Error(error) if error.kind.is_transient() => {
            tracing::info!("{verb} {target} refused with {status}: {error}");
        }
        Problem::Error(error) if status >= 500 => {
            tracing::debug!("{verb} {target} failed with {status}: {error}");
        }
        Problem::Error(error) => {
            tracing::debug!("{verb} {target} refused with {status}: {error}");
        }
    }
}

/// The response to OPTIONS, and to what a browser wants to know before a cross-origin request.
pub(crate) fn options(verbs: Verbs, head: &Head) -> Reply {
    let mut reply = html(Bytes::new());
    allow(&mut reply, verbs);
    if !head.has(&ACCESS_CONTROL_REQUEST_METHOD) {
        return reply;
    }
    let headers = reply.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, CROSS_ORIGIN_METHODS);
    headers.insert(
        VARY,
        HeaderValue::from_static("Access-Control-Request-Headers"),
    );
    let requested = head.text(&ACCESS_CONTROL_REQUEST_HEADERS).map(sorted);
    if let Some(allowed) = requested.and_then(|names| HeaderValue::from_str(&names).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
    reply
}

/// What a target without a route gets.
pub(crate) fn not_found(protocol: &dyn Protocol, head: &Head) -> Reply {
    if !head.path().is_empty() {
        return problem(protocol, head, Problem::NotFound(head.path()));
    }
    let target = head.target();
    let error = Error::new(
        ErrorKind::BadData,
        format!("the request target {target} must start with a slash: /{target}"),
    );
    problem(protocol, head, Problem::Error(&error))
}

fn sorted(list: &str) -> String {
    let mut items: Vec<_> = list.split(',').map(str::trim).collect();
    items.sort_unstable();
    items.join(", ")
}

fn allow(reply: &mut Reply, verbs: Verbs) {
    reply
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(verbs.header()));
}
