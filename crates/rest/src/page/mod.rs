//! The server's page: `GET /` in a browser shows the component and lets people try it.
//!
//! It is one static page, of files that lie beside this one and load nothing from elsewhere. What
//! it shows of this server it reads from a route of the same origin, which gets a [`State`] from a
//! [`Source`] when somebody looks.

mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};
use streeling_core::{Method, Operation, Response, Result};

use crate::protocol::{Action, Decoded, Form, Params, Problem, Protocol, Route, Undecoded, Verbs};
use crate::reply::{Body, Reply};

pub use state::{About, Calls, State, Workers};

/// Says how the server is at this moment; called at most four times a second. It must not wait.
pub type Source = Arc<dyn Fn() -> State + Send + Sync>;

/// How long a state is handed out before the server is looked at again, however often it is read.
const FRESH: Duration = Duration::from_millis(250);

/// What is called over V2, by which it is seen whether the server speaks that.
const INFER: &str = "/v2/models/{model}/infer";

/// To metrics and traces.
const PAGE: Operation = Operation::new("server_page", "ServerPage");

/// The names of the pages.
const INDEX: &str = "index";
const STYLE: &str = "style";
const SCRIPT: &str = "script";
const BODY: &str = "body";
const NUMBERS: &str = "numbers";
const ICON: &str = "icon";
const STATE: &str = "state";

static ROUTES: [Route; 7] = [
    Route {
        path: "/",
        verbs: Verbs::Get,
        action: Action::HtmlPage(INDEX),
        operation: PAGE,
        summary: "The page",
    },
    route("/streeling-page/page.css", STYLE, "How the page looks"),
    route("/streeling-page/page.js", SCRIPT, "What the page does"),
    route(
        "/streeling-page/body.js",
        BODY,
        "How the page makes requests",
    ),
    route(
        "/streeling-page/numbers.js",
        NUMBERS,
        "How the page shows numbers",
    ),
    route("/streeling-page/icon.svg", ICON, "The icon of the page"),
    route("/streeling-page/state", STATE, "How the server is now"),
];

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

const fn route(path: &'static str, page: &'static str, summary: &'static str) -> Route {
    Route {
        path,
        verbs: Verbs::Get,
        action: Action::Page(page),
        operation: PAGE,
        summary,
    }
}

/// What the page may load and do: files and routes of its own origin, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'",
);

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The page at `/` and what it loads, beside the protocols that it calls the component over.
///
/// Its routes have no model. Those of them that say nothing of this server need no token.
pub struct Page {
    about: About,
    source: Source,
    /// Speaks where something is wrong.
    fallback: Arc<dyn Protocol>,
    protocols: &'static [&'static str],
    last: Mutex<Option<(Instant, Bytes)>>,
}

impl Page {
    /// A page for a server that speaks these protocols, at least one, of which the first says what
    /// is wrong.
    ///
    /// # Panics
    ///
    /// When there is no protocol.
    #[must_use]
    pub fn new(about: About, source: Source, protocols: &[Arc<dyn Protocol>]) -> Self {
        let mut routes = protocols.iter().flat_map(|one| one.routes());
        let speaks_v2 =
            routes.any(|route| route.path == INFER && matches!(route.action, Action::Call(_)));
        Self {
            about,
            source,
            fallback: Arc::clone(protocols.first().expect("a server without a protocol")),
            protocols: if speaks_v2 {
                &["seldon", "v2"]
            } else {
                &["seldon"]
            },
            last: Mutex::default(),
        }
    }

    /// How the server is, as JSON, not older than [`FRESH`].
    fn state(&self) -> Bytes {
        // A panic can leave behind no more than an old state.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, text)) = &*last
            && at.elapsed() < FRESH
        {
            return text.clone();
        }
        let state = (self.source)();
        let text = Bytes::from(state.json(&self.about, self.protocols));
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

impl Protocol for Page {
    fn routes(&self) -> &'static [Route] {
        &ROUTES
    }

    fn page(&self, page: &'static str, _params: &Params, _is_ready: bool) -> Reply {
        match page {
            INDEX => file("text/html; charset=utf-8", include_bytes!("page.html")),
            STYLE => file("text/css; charset=utf-8", include_bytes!("page.css")),
            SCRIPT => file(JAVASCRIPT, include_bytes!("page.js")),
            BODY => file(JAVASCRIPT, include_bytes!("body.js")),
            NUMBERS => file(JAVASCRIPT, include_bytes!("numbers.js")),
            ICON => file("image/svg+xml", include_bytes!("icon.svg")),
            _ => reply("application/json", self.state()),
        }
    }

    fn is_probe(&self, route: &Route) -> bool {
        route.action != Action::Page(STATE)
    }

    fn decode(&self, undecoded: Undecoded<'_>) -> Result<Decoded> {
        self.fallback.decode(undecoded)
    }

    fn encoded_size(&self, response: &Response) -> usize {
        self.fallback.encoded_size(response)
    }

    fn encode(&self, method: Method, response: Response, size: usize, form: Form) -> Result<Reply> {
        self.fallback.encode(method, response, size, form)
    }

    fn problem(&self, problem: Problem<'_>) -> Reply {
        self.fallback.problem(problem)
    }
}

fn file(content_type: &'static str, bytes: &'static [u8]) -> Reply {
    reply(content_type, Bytes::from_static(bytes))
}

/// Other origins may read none of it, unlike the responses of the component.
fn reply(content_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Reply::new(Body::Whole(body));
    let headers = reply.headers_mut();
    let text = HeaderValue::from_static;
    for (name, value) in [
        (CONTENT_TYPE, text(content_type)),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, text("nosniff")),
        (X_FRAME_OPTIONS, text("DENY")),
        (REFERRER_POLICY, text("no-referrer")),
        (OPENER_POLICY, text("same-origin")),
        (RESOURCE_POLICY, text("same-origin")),
        (CACHE_CONTROL, text("no-store")),
        (VARY, text("Accept, Authorization")),
    ] {
        headers.insert(name, value);
    }
    reply
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("about", &self.about)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
