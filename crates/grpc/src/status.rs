//! What each kind of error means over gRPC.

use std::borrow::Cow;
use std::time::Duration;

use streeling_codec::DecodeError;
use streeling_core::{Code as Named, Error, ErrorKind};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Bytes of an error's text that are sent. It travels in a header, where clients take 8 KiB in all and three bytes
/// may stand for one of text, and once more in the details, where four stand for three.
const LONGEST_TEXT: usize = 1200;

/// Bytes of a reason that are sent; the component may choose it.
const LONGEST_REASON: usize = 200;

/// Who says so, in the details of an error.
const DOMAIN: &str = "streeling";

/// When trying again makes sense after the queue was full.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The table of the wire contract.
pub(crate) fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::BadData => Code::InvalidArgument,
        ErrorKind::NotImplemented => Code::Unimplemented,
        ErrorKind::Component | ErrorKind::BadMetric | ErrorKind::BadMetadata => Code::Unknown,
        ErrorKind::Internal => Code::Internal,
        ErrorKind::TooLarge | ErrorKind::QueueFull => Code::ResourceExhausted,
        ErrorKind::WorkerLost | ErrorKind::NotReady => Code::Unavailable,
        ErrorKind::Deadline => Code::DeadlineExceeded,
    }
}

/// A code with its name, and whether the server or the component is to blame.
pub(crate) fn named(code: Code) -> Named {
    let (name, is_fault) = match code {
        Code::Ok => ("OK", false),
        Code::Cancelled => ("CANCELLED", false),
        Code::Unknown => ("UNKNOWN", true),
        Code::InvalidArgument => ("INVALID_ARGUMENT", false),
        Code::DeadlineExceeded => ("DEADLINE_EXCEEDED", true),
        Code::NotFound => ("NOT_FOUND", false),
        Code::AlreadyExists => ("ALREADY_EXISTS", false),
        Code::PermissionDenied => ("PERMISSION_DENIED", false),
        // Mostly a queue that is full, as 503 is over REST. Messages that are too large share it.
        Code::ResourceExhausted => ("RESOURCE_EXHAUSTED", true),
        Code::FailedPrecondition => ("FAILED_PRECONDITION", false),
        Code::Aborted => ("ABORTED", false),
        Code::OutOfRange => ("OUT_OF_RANGE", false),
        Code::Unimplemented => ("UNIMPLEMENTED", false),
        Code::Internal => ("INTERNAL", true),
        Code::Unavailable => ("UNAVAILABLE", true),
        Code::DataLoss => ("DATA_LOSS", true),
        Code::Unauthenticated => ("UNAUTHENTICATED", false),
    };
    Named {
        number: code as u16,
        name: Some(name),
        is_fault,
    }
}

/// An error as a client is to see it: code, text, and the reason in the standard error model.
pub(crate) fn status(error: &Error) -> Status {
    let code = error
        .grpc_status
        .map_or_else(|| code(error.kind), |code| Code::from_i32(code.into()));
    let mut details = ErrorDetails::new();
    details.set_error_info(
        shortened(error.reason(), LONGEST_REASON),
        DOMAIN,
        [("code".to_owned(), error.code.to_string())],
    );
    match error.kind {
        ErrorKind::QueueFull => {
            details.set_retry_info(Some(RETRY_AFTER));
        }
        ErrorKind::BadData
        | ErrorKind::NotImplemented
        | ErrorKind::Component
        | ErrorKind::BadMetric
        | ErrorKind::BadMetadata
        | ErrorKind::TooLarge
        | ErrorKind::WorkerLost
        | ErrorKind::NotReady
        | ErrorKind::Deadline
        | ErrorKind::Internal => {}
    }
    Status::with_error_details(code, text(code, error), details)
}

/// What clients of the incumbent see before the text of an exception, and look for.
const RAISED: &str = "Exception calling application: ";

fn text(code: Code, error: &Error) -> String {
    match (code, error.grpc_status) {
        (Code::Unknown, None) => format!("{RAISED}{}", shortened(&error.info, LONGEST_TEXT)),
        _ => shortened(&error.info, LONGEST_TEXT).into_owned(),
    }
}

/// What it means that bytes are no message.
pub(crate) fn undecodable(error: &DecodeError) -> Error {
    Error::new(ErrorKind::BadData, error.to_string())
}

fn shortened(text: &str, longest: usize) -> Cow<'_, str> {
    if text.len() <= longest {
        return Cow::Borrowed(text);
    }
    let end = (0..=longest)
        .rev()
        .find(|&end| text.is_char_boundary(end))
        .unwrap_or_default();
    Cow::Owned(format!("{} … ({} bytes in all)", &text[..end], text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exception_chooses_its_code() {
        let mut error = Error::new(ErrorKind::Component, "no such user");
        let plain = status(&error);
        assert_eq!(plain.code(), Code::Unknown);
        assert_eq!(
            plain.message(),
            "Exception calling application: no such user"
        );
        error.grpc_status = Some(5);
        let chosen = status(&error);
        assert_eq!(
            (chosen.code(), chosen.message()),
            (Code::NotFound, "no such user")
        );
    }

    #[test]
    fn details_carry_the_reason_and_when_to_try_again() {
        for kind in ErrorKind::ALL {
            let error = Error::new(kind, "x");
            let details = status(&error).get_error_details();
            let info = details.error_info().unwrap();
            assert_eq!(info.reason, kind.reason());
            assert_eq!(info.metadata["code"], "-1");
            assert_eq!(details.retry_info().is_some(), kind == ErrorKind::QueueFull);
        }
    }

    #[test]
    fn long_text_is_cut_between_characters_and_fits_into_what_clients_take() {
        let text = "é".repeat(5000);
        let short = shortened(&text, LONGEST_TEXT);
        assert!(short.len() < LONGEST_TEXT + 64, "{}", short.len());
        assert!(short.ends_with("(10000 bytes in all)"));

        let mut error = Error::new(ErrorKind::Component, text.clone());
        error.reason = Some(text.into());
        let head = status(&error).into_http::<()>();
        let size: usize = head
            .headers()
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum();
        assert!(size < 8000, "{size}");
    }
}
