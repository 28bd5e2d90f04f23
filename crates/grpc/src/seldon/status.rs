//! What errors mean over gRPC.

use streeling_codec::seldon::{ERROR_CODE, reason};
use streeling_core::{Error, ErrorKind};
use tonic::{Code, Status};

use crate::details;

/// The table of the wire contract.
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

/// An error as a client is to see it: code, text, and the reason in the standard error model.
pub(super) fn of_error(error: &Error) -> Status {
    let code = details::code(error, of_kind);
    let number = error.code.unwrap_or(ERROR_CODE);
    let text = text(code, error);
    details::status(code, text, error, reason(error.kind), Some(number))
}

/// What clients of seldon-core see before the text of an exception, and look for.
const RAISED: &str = "Exception calling application: ";

fn text(code: Code, error: &Error) -> String {
    let text = details::text(error);
    match (code, error.grpc_status) {
        (Code::Unknown, None) => format!("{RAISED}{text}"),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    #[test]
    fn exception_chooses_its_code() {
        let mut error = Error::new(ErrorKind::Component, "no such user");
        let plain = of_error(&error);
        assert_eq!(plain.code(), Code::Unknown);
        assert_eq!(
            plain.message(),
            "Exception calling application: no such user"
        );
        error.grpc_status = Some(5);
        let chosen = of_error(&error);
        assert_eq!(
            (chosen.code(), chosen.message()),
            (Code::NotFound, "no such user")
        );
    }

    #[test]
    fn details_carry_the_reason_and_when_to_try_again() {
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "x");
            let details = of_error(&error).get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!(info.reason, reason(kind));
            assert_eq!(info.metadata["code"], "-1");
            assert_eq!(details.retry_info().is_some(), kind.retry_after().is_some());
        }
    }

    #[test]
    fn long_text_fits_into_what_clients_take() {
        let text = "é".repeat(5000);
        let mut error = Error::new(ErrorKind::Component, text.clone());
        error.reason = Some(text.into());
        let head = of_error(&error).into_http::<()>();
        let size: usize = head
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        assert!(size < 8000, "{size}");
    }
}
