//! What errors mean over gRPC.

use streeling_core::{Error, ErrorKind};
use tonic::{Code, Status};

use crate::details;

fn of_kind(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::BadData => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::UnknownModel => Code::NotFound,
        ErrorKind::NotImplemented => Code::Unimplemented,
        ErrorKind::Component | ErrorKind::BadMetric | ErrorKind::BadMetadata => Code::Unknown,
        ErrorKind::Internal => Code::Internal,
        ErrorKind::TooLarge | ErrorKind::QueueFull | ErrorKind::MemoryFull => {
            Code::ResourceExhausted
        }
        ErrorKind::WorkerLost | ErrorKind::NotReady => Code::Unavailable,
        ErrorKind::Deadline => Code::DeadlineExceeded,
    }
}

/// The reason in the details of an error, where the component's exception does not give one. The
/// protocol has no names for them.
fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadData => "BAD_DATA",
        ErrorKind::Unauthenticated => "UNAUTHENTICATED",
        ErrorKind::UnknownModel => "UNKNOWN_MODEL",
        ErrorKind::NotImplemented => "NOT_IMPLEMENTED",
        ErrorKind::Component => "COMPONENT_ERROR",
        ErrorKind::BadMetric => "BAD_METRIC",
        ErrorKind::BadMetadata => "BAD_METADATA",
        ErrorKind::TooLarge => "TOO_LARGE",
        ErrorKind::QueueFull => "QUEUE_FULL",
        ErrorKind::MemoryFull => "MEMORY_FULL",
        ErrorKind::WorkerLost => "WORKER_LOST",
        ErrorKind::NotReady => "NOT_READY",
        ErrorKind::Deadline => "DEADLINE_EXCEEDED",
        ErrorKind::Internal => "INTERNAL",
    }
}

/// An error as a client is to see it.
pub(super) fn of_error(error: &Error) -> Status {
    let code = details::code(error, of_kind);
    let text = details::text(error).into_owned();
    details::status(code, text, error, reason(error.kind), error.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use tonic_types::StatusExt as _;

    #[test]
    fn details_carry_the_reason_and_when_to_try_again() {
        let mut reasons = BTreeSet::new();
        for kind in ErrorKind::ALL {
            let status = of_error(&Error::new(kind, "x"));
            assert_eq!((status.code(), status.message()), (of_kind(kind), "x"));
            let details = status.get_error_details();
            let info = details.error_info().unwrap();
            assert!(info.metadata.is_empty());
            assert_eq!(details.retry_info().is_some(), kind.retry_after().is_some());
            reasons.insert(info.reason.clone());
        }
        assert_eq!(reasons.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn exception_chooses_code_and_reason() {
        let error = Error {
            grpc_status: Some(5),
            reason: Some("OWN".into()),
            code: Some(7),
            ..Error::new(ErrorKind::Component, "no such user")
        };
        let status = of_error(&error);
        assert_eq!(
            (status.code(), status.message()),
            (Code::NotFound, "no such user")
        );
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.metadata["code"].as_str()),
            ("OWN", "7")
        );
    }
}
