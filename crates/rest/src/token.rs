//! Requests that come without the token that the server wants.

use http::Method as Verb;
use streeling_core::{Error, Result};

use crate::head::Head;
use crate::reply::Reply;
use crate::router::Match;
use crate::standard;

/// What a request gets that needs a token and has none; `None`: it may go on. A browser that
/// requests permission beforehand, which it does without a token, gets that.
pub(crate) fn refuse(head: &Head, found: Option<&Match<'_>>) -> Option<Result<Reply>> {
    if head.is_permitted {
        return None;
    }
    if let Some(found) = found {
        let route = found.route;
        if found.protocol.is_probe(route) && route.verbs.allow(&head.verb) {
            return None;
        }
        head.request.set_operation(route.operation);
        if head.verb == Verb::OPTIONS {
            return Some(Ok(standard::options(route.verbs, head)));
        }
    }
    Some(Err(Error::unauthenticated()))
}
