//! The pages that need no model.

/// Says that the server is alive.
pub(super) const PING: &str = "ping";

/// Describes the routes.
pub(super) const OPENAPI: &str = "openapi";

/// What `/seldon.json` says about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The title of the document.
    pub title: String,
    /// The version of what is served.
    pub version: String,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            title: "Streeling".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}
