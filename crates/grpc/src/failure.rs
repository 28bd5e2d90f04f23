//! Why a request has no good response.

use streeling_core::{Error, Limit, RequestContext};
use tonic::{Code, Status};

use crate::router::Found;

/// Why a request has no good response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The protocol says what it means.
    Error(Error),
    /// It is gRPC's own, and the same in every protocol; with the limit that was exceeded.
    Status(Status, Option<Limit>),
}

impl Failure {
    /// The status of the response; the log has a line about it. What a client did is of interest to
    /// those who look for it; what the server could not do, to its operator.
    pub(crate) fn into_status(self, found: Found<'_>) -> Status {
        let path = found.route.path;
        match self {
            Self::Error(error) => {
                if let Some(limit) = error.limit {
                    count(limit);
                }
                let status = found.protocol.status(&error);
                let code = status.code();
                if error.kind.is_transient() {
                    tracing::info!("{path} refused with {code:?}: {error}");
                } else if matches!(code, Code::Unknown | Code::Internal) {
                    tracing::debug!("{path} failed with {code:?}: {error}");
                } else {
                    tracing::debug!("{path} refused with {code:?}: {error}");
                }
                status
            }
            Self::Status(status, limit) => {
                if let Some(limit) = limit {
                    count(limit);
                }
                let (code, reason) = (status.code(), status.message());
                tracing::debug!("{path} refused with {code:?}: {reason}");
                status
            }
        }
    }
}

/// The request whose task this is has exceeded a limit.
fn count(limit: Limit) {
    if let Some(request) = RequestContext::current() {
        request.set_limit(limit);
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status, None)
    }
}
