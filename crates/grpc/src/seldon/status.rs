//! What errors mean over gRPC.

use std::borrow::Cow;

use streeling_codec::seldon::{ERROR_CODE, reason};
use streeling_core::{Error, ErrorKind};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Bytes of an error's text that are sent. It travels in a header, where clients take 8 KiB in all
/// and three bytes may stand for one of text, and once more in the details, where four stand for
/// three.
const LONGEST_TEXT: usize = 1200;

/// Bytes of a reason that are sent; the component may choose it.
const LONGEST_REASON: usize = 200;

/// What the reason belongs to, in the details of an error.
const DOMAIN: &str = "streeling";

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
    let code = error
        .grpc_status
        .map_or_else(|| of_kind(error.kind), |code| Code::from_i32(code.into()));
    let reason = error.reason.as_deref().unwrap_or(reason(error.kind));
    let number = error.code.unwrap_or(ERROR_CODE);
    let mut details = ErrorDetails::new();
    details.set_error_info(
        shortened(reason, LONGEST_REASON),
        DOMAIN,
        [("code".to_owned(), number.to_string())],
    );
    if let Some(time) = error.kind.retry_after() {
        details.set_retry_info(Some(time));
    }
    Status::with_error_details(code, text(code, error), details)
}

/// What clients of seldon-core see before the text of an exception, and look for.
const RAISED: &str = "Exception calling application: ";

fn text(code: Code, error: &Error) -> String {
    match (code, error.grpc_status) {
        (Code::Unknown, None) => format!("{RAISED}{}", shortened(&error.info, LONGEST_TEXT)),
        _ => shortened(&error.info, LONGEST_TEXT).into_owned(),
    }
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
    fn long_text_is_cut_between_characters_and_fits_into_what_clients_take() {
        let text = "é".repeat(5000);
        let short = shortened(&text, LONGEST_TEXT);
        assert!(short.len() < LONGEST_TEXT + 64, "{}", short.len());
        assert!(short.ends_with("(10000 bytes in all)"));

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
