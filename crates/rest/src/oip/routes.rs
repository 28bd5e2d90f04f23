//! The tables of routes, which differ in what inference calls.

use streeling_core::{Method, Operation};

use super::pages;
use crate::protocol::Verbs::{self, Get, Post};
use crate::protocol::{Action, Route};

/// How many routes there are.
const COUNT: usize = 29;

static PREDICT: [Route; COUNT] = table(call(Method::Predict));
static TRANSFORM_INPUT: [Route; COUNT] = table(call(Method::TransformInput));
static TRANSFORM_OUTPUT: [Route; COUNT] = table(call(Method::TransformOutput));
static ROUTE: [Route; COUNT] = table(call(Method::Route));
static NOTHING: [Route; COUNT] = table(What(
    Action::Page(pages::NO_INFERENCE),
    Method::Predict.operation(),
));

/// What a route does, and what that is called.
#[derive(Clone, Copy)]
struct What(Action, Operation);

/// The routes where inference calls this method; `None` where there is none to call.
pub(super) fn of(infer: Option<Method>) -> &'static [Route] {
    match infer {
        Some(Method::Predict) => &PREDICT,
        Some(Method::TransformInput) => &TRANSFORM_INPUT,
        Some(Method::TransformOutput) => &TRANSFORM_OUTPUT,
        Some(Method::Route) => &ROUTE,
        Some(
            Method::Aggregate | Method::SendFeedback | Method::HealthStatus | Method::Metadata,
        )
        | None => &NOTHING,
    }
}

const fn call(method: Method) -> What {
    What(Action::Call(method), method.operation())
}

const fn health(page: &'static str) -> What {
    What(Action::Page(page), Operation::new("health", "HealthPing"))
}

const fn page(page: &'static str) -> What {
    What(
        Action::Page(page),
        Operation::new("repository", "Repository"),
    )
}

const INFER: &str = "Make an inference";
const BRANCH: &str = "Choose a branch";
const ONE: &str = "Make one response of many";
const REWARD: &str = "Take a reward for an earlier response";
const ABOUT: &str = "What the model is";
const IS_READY: &str = "Whether the model can be called";
const LOAD: &str = "Load the model anew";
const UNLOAD: &str = "Unload the model, which cannot be done";

/// Every route, the busiest first.
#[rustfmt::skip]
const fn table(infer: What) -> [Route; COUNT] {
    const METADATA: What = call(Method::Metadata);
    const READY: What = health(pages::MODEL_READY);
    [
        route("/v2/models/{model}/infer", Post, infer, INFER),
        route("/v2/models/{model}/versions/{version}/infer", Post, infer, INFER),
        route("/v1/models/{model}:predict", Post, infer, "Make predictions, in KServe's V1 form"),
        route("/v2/models/{model}/route", Post, call(Method::Route), BRANCH),
        route("/v2/models/{model}/versions/{version}/route", Post, call(Method::Route), BRANCH),
        route("/v2/models/{model}/aggregate", Post, call(Method::Aggregate), ONE),
        route("/v2/models/{model}/versions/{version}/aggregate", Post, call(Method::Aggregate),
              ONE),
        route("/v2/models/{model}/feedback", Post, call(Method::SendFeedback), REWARD),
        route("/v2/models/{model}/versions/{version}/feedback", Post, call(Method::SendFeedback),
              REWARD),
        route("/v2/health/live", Get, health(pages::LIVE), "Whether the server is alive"),
        route("/v2/health/live/", Get, health(pages::LIVE), "Whether the server is alive"),
        route("/v2/health/ready", Get, health(pages::READY), "Whether models can be called"),
        route("/v2/health/ready/", Get, health(pages::READY), "Whether models can be called"),
        route("/v2/models/{model}/ready", Get, READY, IS_READY),
        route("/v2/models/{model}/ready/", Get, READY, IS_READY),
        route("/v2/models/{model}/versions/{version}/ready", Get, READY, IS_READY),
        route("/v1/models/{model}", Get, health(pages::V1_READY), IS_READY),
        route("/v1/models", Get, page(pages::V1_MODELS), "The models"),
        route("/v2/models/{model}", Get, METADATA, ABOUT),
        route("/v2/models/{model}/", Get, METADATA, ABOUT),
        route("/v2/models/{model}/versions/{version}", Get, METADATA, ABOUT),
        route("/v2/models/{model}/versions/{version}/", Get, METADATA, ABOUT),
        route("/v2", Get, page(pages::SERVER), "What the server is"),
        route("/v2/", Get, page(pages::SERVER), "What the server is"),
        route("/v2/repository/index", Post, page(pages::INDEX), "The models and their states"),
        route("/v2/repository/models/{model}/load", Post, page(pages::LOAD), LOAD),
        route("/v2/repository/models/{model}/load/", Post, page(pages::LOAD), LOAD),
        route("/v2/repository/models/{model}/unload", Post, page(pages::UNLOAD), UNLOAD),
        route("/v2/repository/models/{model}/unload/", Post, page(pages::UNLOAD), UNLOAD),
    ]
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
    fn tables_differ_in_what_inference_calls_alone() {
        let method = |route: &Route| match route.action {
            Action::Call(method) => Some(method),
            Action::Page(_) => None,
        };
        for method_of_infer in Method::ALL.map(Some).into_iter().chain([None]) {
            let routes = of(method_of_infer);
            for (index, route) in routes.iter().enumerate() {
                let same = routes.iter().filter(|other| other.path == route.path);
                assert_eq!(same.count(), 1, "{}", route.path);
                if index > 2 {
                    assert_eq!(*route, PREDICT[index]);
                }
            }
            let infers = matches!(
                method_of_infer,
                Some(
                    Method::Predict
                        | Method::TransformInput
                        | Method::TransformOutput
                        | Method::Route
                )
            );
            let expected = method_of_infer.filter(|_| infers);
            assert!(routes[..3].iter().all(|route| method(route) == expected));
        }
    }
}
