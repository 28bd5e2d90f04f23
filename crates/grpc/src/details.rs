//! What statuses have in common in every protocol: their length, and the standard error model.

use std::borrow::Cow;
use std::collections::HashMap;

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

/// The code of an error: that of its kind, unless the component has chosen one.
pub(crate) fn code(error: &Error, of_kind: impl FnOnce(ErrorKind) -> Code) -> Code {
    error
        .grpc_status
        .map_or_else(|| of_kind(error.kind), |code| Code::from_i32(code.into()))
}

/// The status of an error: its text, and in the details the reason, the number of the component's
/// exception, and when to try again.
pub(crate) fn status(
    code: Code,
    text: String,
    error: &Error,
    reason: &str,
    number: Option<i32>,
) -> Status {
    let reason = error.reason.as_deref().unwrap_or(reason);
    let number = number.map(|number| ("code".to_owned(), number.to_string()));
    let metadata: HashMap<_, _> = number.into_iter().collect();
    let mut details = ErrorDetails::new();
    details.set_error_info(shortened(reason, LONGEST_REASON), DOMAIN, metadata);
    if let Some(time) = error.kind.retry_after() {
        details.set_retry_info(Some(time));
    }
    Status::with_error_details(code, text, details)
}

/// As much of an error's text as is sent.
pub(crate) fn text(error: &Error) -> Cow<'_, str> {
    shortened(&error.info, LONGEST_TEXT)
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
    fn long_text_is_cut_between_characters() {
        let text = "é".repeat(5000);
        let short = shortened(&text, LONGEST_TEXT);
        assert!(short.len() < LONGEST_TEXT + 64, "{}", short.len());
        assert!(short.ends_with("(10000 bytes in all)"));
    }
}
