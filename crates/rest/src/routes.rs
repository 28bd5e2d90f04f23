//! The one table of routes.

use http::Method as Verb;
use streeling_core::{Method, Subject};

use Action::{Call, Metadata, OpenApi, Ping};
use Verbs::{Get, GetPost, Post};

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Calls a method of the unit.
    Call(Method),
    /// Says that the server is alive.
    Ping,
    /// Says what the component says about itself.
    Metadata,
    /// Describes these routes.
    OpenApi,
}

impl Action {
    /// What a request for it asks for, as metrics and traces have it.
    pub(crate) fn subject(self) -> Subject {
        match self {
            Call(method) => method.subject(),
            Ping => Subject::new("ping", "HealthPing"),
            Metadata => Subject::new("metadata", "Metadata"),
            OpenApi => Subject::new("openapi", "openAPI"),
        }
    }
}

/// The HTTP methods of a route; whatever takes GET takes HEAD too, and every route OPTIONS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verbs {
    Get,
    Post,
    GetPost,
}

impl Verbs {
    pub(crate) fn allow(self, verb: &Verb) -> bool {
        match self {
            Get => *verb == Verb::GET || *verb == Verb::HEAD,
            Post => *verb == Verb::POST,
            GetPost => *verb == Verb::POST || *verb == Verb::GET || *verb == Verb::HEAD,
        }
    }

    /// As the `Allow` header has it.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Get => "GET, HEAD, OPTIONS",
            Post => "OPTIONS, POST",
            GetPost => "GET, HEAD, OPTIONS, POST",
        }
    }

    /// The operations that `/seldon.json` lists, in its spelling.
    pub(crate) fn described(self) -> &'static [&'static str] {
        match self {
            Get => &["get"],
            Post => &["post"],
            GetPost => &["get", "post"],
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) verbs: Verbs,
    pub(crate) action: Action,
    /// One line for `/seldon.json`.
    pub(crate) summary: &'static str,
}

const PREDICT: &str = "Turn an input into a prediction";
const FEEDBACK: &str = "Take a reward for an earlier answer";
const STATUS: &str = "Ask the component how it is";
const METADATA: &str = "What the component says about itself";

/// Every route that is served, the busiest first.
#[rustfmt::skip]
pub(crate) static ROUTES: [Route; 16] = [
    route("/predict", GetPost, Call(Method::Predict), PREDICT),
    route("/api/v1.0/predictions", Post, Call(Method::Predict), PREDICT),
    route("/api/v0.1/predictions", Post, Call(Method::Predict), PREDICT),
    route("/transform-input", GetPost, Call(Method::TransformInput), "Transform what goes into a model"),
    route("/transform-output", GetPost, Call(Method::TransformOutput), "Transform what comes out of a model"),
    route("/route", GetPost, Call(Method::Route), "Choose a branch"),
    route("/aggregate", GetPost, Call(Method::Aggregate), "Make one answer of many"),
    route("/send-feedback", GetPost, Call(Method::SendFeedback), FEEDBACK),
    route("/api/v1.0/feedback", Post, Call(Method::SendFeedback), FEEDBACK),
    route("/api/v0.1/feedback", Post, Call(Method::SendFeedback), FEEDBACK),
    route("/health/ping", Get, Ping, "Whether the server is alive; the component is not asked"),
    route("/health/status", Get, Call(Method::HealthStatus), STATUS),
    route("/api/v1.0/health/status", Get, Call(Method::HealthStatus), STATUS),
    route("/metadata", Get, Metadata, METADATA),
    route("/api/v1.0/metadata", Get, Metadata, METADATA),
    route("/seldon.json", Get, OpenApi, "This description"),
];

const fn route(path: &'static str, verbs: Verbs, action: Action, summary: &'static str) -> Route {
    Route {
        path,
        verbs,
        action,
        summary,
    }
}

/// The route of a path. As with the incumbent, letters may be percent-encoded and slashes doubled;
/// a slash at the end makes another path.
pub(crate) fn find(path: &str) -> Option<&'static Route> {
    exact(path).or_else(|| exact(&plain(path)))
}

fn exact(path: &str) -> Option<&'static Route> {
    ROUTES.iter().find(|route| route.path == path)
}

/// The path without percent-encoding and double slashes. Bytes beyond ASCII, which no route has,
/// come out as something else that no route has.
fn plain(path: &str) -> String {
    let mut rest = path.as_bytes();
    let mut plain = String::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        rest = tail;
        let mut byte = *first;
        if let (b'%', Some(escaped)) = (byte, rest.get(..2).and_then(hexadecimal)) {
            byte = escaped;
            rest = &rest[2..];
        }
        if byte != b'/' || !plain.ends_with('/') {
            plain.push(char::from(byte));
        }
    }
    plain
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_unique_and_found() {
        for route in &ROUTES {
            assert_eq!(
                find(route.path).unwrap().action,
                route.action,
                "{}",
                route.path
            );
            assert_eq!(
                ROUTES.iter().filter(|r| r.path == route.path).count(),
                1,
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn paths_may_be_written_in_other_ways() {
        for path in ["//predict", "/%70redict", "%2Fpredic%74", "///predict"] {
            assert_eq!(find(path).unwrap().path, "/predict", "{path}");
        }
        for path in [
            "",
            "/",
            "/predict/",
            "/predict%2F",
            "/Predict",
            "/%7",
            "/predict%",
            "/%zzredict",
        ] {
            assert!(find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn header_lists_exactly_what_is_allowed() {
        for verbs in [Get, Post, GetPost] {
            let listed: Vec<_> = verbs.header().split(", ").collect();
            for verb in [Verb::GET, Verb::HEAD, Verb::POST, Verb::PUT, Verb::DELETE] {
                assert_eq!(
                    listed.contains(&verb.as_str()),
                    verbs.allow(&verb),
                    "{verbs:?} {verb}"
                );
            }
        }
    }
}
