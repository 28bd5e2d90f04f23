//! Why a request has no good response.

use streeling_core::Error;
use tonic::Status;

use crate::protocol::Protocol;

/// Why a request has no good response.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The protocol says what it means.
    Error(Error),
    /// It is gRPC's own, and the same in every protocol.
    Status(Status),
}

impl Failure {
    pub(crate) fn into_status(self, protocol: &dyn Protocol) -> Status {
        match self {
            Self::Error(error) => protocol.status(&error),
            Self::Status(status) => status,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}
