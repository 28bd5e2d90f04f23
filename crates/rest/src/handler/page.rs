//! Pages of a component's own: requests that no route is for, or that it has taken one from.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use http::Method as Verb;
use streeling_core::{Context, Operation, Original, Result, Service, Wants};

use super::Handler;
use crate::body;
use crate::head::Head;
use crate::own;
use crate::protocol::{Problem, Protocol};
use crate::received::{self, Received};
use crate::reply::Reply;
use crate::router::Match;
use crate::standard;

/// A page of the component's own, to metrics and traces.
const PAGE: Operation = Operation::new("page", "Page");

impl Handler {
    /// Responds with a page of the component's own, if it has one.
    pub(super) async fn respond_with_page<B, E>(
        self: &Arc<Self>,
        context: &Context,
        head: &Arc<Head>,
        found: Option<&Match<'_>>,
        wants: Wants,
        mut body: impl Stream<Item = std::result::Result<B, E>> + Send + Unpin + 'static,
    ) -> Result<Reply>
    where
        B: Buf + Send,
        E: Send,
    {
        match received::whole(head, &mut body, self.limits, &self.offload).await {
            Ok(whole) => {
                let received = Received::Page(whole);
                self.take_elsewhere(context, head, found, wants, received)
                    .await
            }
            Err(error) => {
                if head.is_followed_by_body() {
                    body::discard(body);
                }
                Err(error)
            }
        }
    }

    /// Whether a request is for the component itself, unless it says otherwise: there is no route
    /// for it, or the component has a page in its place.
    pub(super) fn is_for_page(
        &self,
        head: &Head,
        found: Option<&Match<'_>>,
        model: &dyn Service,
    ) -> bool {
        let is_routed = found
            .is_some_and(|found| head.verb == Verb::OPTIONS || found.route.verbs.allow(&head.verb));
        let is_ready = *self.ready.borrow();
        is_ready && (!is_routed || model.has_page(head.verb.as_str(), head.path()))
    }

    /// Has the component respond to a request that no route is for; where it does not, that is
    /// said as for any other component.
    pub(super) async fn page(
        &self,
        context: &Context,
        head: &Head,
        found: Option<&Match<'_>>,
        model: &dyn Service,
        body: Bytes,
    ) -> Result<Reply> {
        head.request.set_operation(PAGE);
        context.set_received(body.len());
        let not_allowed = found.filter(|found| !found.route.verbs.allow(&head.verb));
        let context = Context {
            original: Some(Arc::new(Original {
                allowed: not_allowed.map(|found| found.route.verbs.header()),
                ..own::original(head, body)
            })),
            ..context.clone()
        };
        match (model.page(&context).await?, not_allowed) {
            (Some(page), _) => own::reply(&page),
            (None, Some(found)) => {
                let problem = Problem::NotAllowed {
                    verb: &head.verb,
                    path: head.path(),
                    allowed: found.route.verbs,
                };
                Ok(standard::problem(&**found.protocol, head, problem))
            }
            (None, None) => Ok(self.not_found(head)),
        }
    }

    /// The protocol of a request, also of one without a route.
    pub(super) fn protocol<'a>(
        &'a self,
        head: &Head,
        found: Option<&Match<'a>>,
    ) -> &'a Arc<dyn Protocol> {
        found.map_or_else(|| self.router.fallback(head.path()), |found| found.protocol)
    }

    /// What a target without a route gets.
    pub(super) fn not_found(&self, head: &Head) -> Reply {
        standard::not_found(&**self.router.fallback(head.path()), head)
    }
}
