//! The one table of Seldon's routes.

use streeling_core::{Method, Operation};

use crate::protocol::Action;
use crate::protocol::Route;
use crate::protocol::Verbs::{self, Get, GetPost, Post};

/// What a route does, and what that is called.
#[derive(Clone, Copy)]
struct What(Action, Operation);

const PING: What = What(
    Action::Page(super::pages::PING),
    Operation::new("ping", "HealthPing"),
);
const OPENAPI: What = What(
    Action::Page(super::pages::OPENAPI),
    Operation::new("openapi", "openAPI"),
);

impl What {
    const fn call(method: Method) -> Self {
        Self(Action::Call(method), method.operation())
    }
}

const PREDICT: &str = "Turn an input into a prediction";
const TRANSFORM_INPUT: &str = "Transform what goes into a model";
const TRANSFORM_OUTPUT: &str = "Transform what comes out of a model";
const FEEDBACK: &str = "Take a reward for an earlier response";
const METADATA: &str = "What the component says about itself";

const HEALTH_PING: Route = route(
    "/health/ping",
    Get,
    PING,
    "Whether the server is alive, whatever the component does",
);
const HEALTH_STATUS: Route = status("/health/status");
const HEALTH_STATUS_V1: Route = status("/api/v1.0/health/status");

/// The routes of health alone.
pub(super) static HEALTH: [Route; 3] = [HEALTH_PING, HEALTH_STATUS, HEALTH_STATUS_V1];

/// Every route that is served, the busiest first.
#[rustfmt::skip]
pub(super) static ROUTES: [Route; 16] = [
    route("/predict", GetPost, What::call(Method::Predict), PREDICT),
    route("/api/v1.0/predictions", Post, What::call(Method::Predict), PREDICT),
    route("/api/v0.1/predictions", Post, What::call(Method::Predict), PREDICT),
    route("/transform-input", GetPost, What::call(Method::TransformInput), TRANSFORM_INPUT),
    route("/transform-output", GetPost, What::call(Method::TransformOutput), TRANSFORM_OUTPUT),
    route("/route", GetPost, What::call(Method::Route), "Choose a branch"),
    route("/aggregate", GetPost, What::call(Method::Aggregate), "Make one response of many"),
    route("/send-feedback", GetPost, What::call(Method::SendFeedback), FEEDBACK),
    route("/api/v1.0/feedback", Post, What::call(Method::SendFeedback), FEEDBACK),
    route("/api/v0.1/feedback", Post, What::call(Method::SendFeedback), FEEDBACK),
    HEALTH_PING,
    HEALTH_STATUS,
    HEALTH_STATUS_V1,
    route("/metadata", Get, What::call(Method::Metadata), METADATA),
    route("/api/v1.0/metadata", Get, What::call(Method::Metadata), METADATA),
    route("/seldon.json", Get, OPENAPI, "This description"),
];

const fn status(path: &'static str) -> Route {
    let call = What::call(Method::HealthStatus);
    route(path, Get, call, "How the component is")
}

const fn route(path: &'static str, verbs: Verbs, what: What, summary: &'static str) -> Route {
    Route {
        path,
        verbs,
        action: what.0,
        operation: what.1,
        summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique() {
        for route in &ROUTES {
            let same = ROUTES.iter().filter(|other| other.path == route.path);
            assert_eq!(same.count(), 1, "{}", route.path);
        }
    }
}
