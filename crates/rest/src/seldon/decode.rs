//! From a request's JSON to what a method is called on.

use std::borrow::Cow;

use bytes::Bytes;
use streeling_codec::DecodeError;
use streeling_codec::json::{check, value_at};
use streeling_codec::seldon::json::Decoder;
use streeling_core::{Error, ErrorKind, Input, Meter, Method};

use super::form;
use crate::depth;

/// Bytes of a document that cannot be used which its error shows.
const SHOWN: usize = 200;

/// Reads the JSON of a call.
///
/// # Errors
///
/// [`ErrorKind::BadData`] in the words that the wire contract prescribes; that of the memory, where
/// there is not enough.
pub(super) fn input(method: Method, document: &Bytes, memory: &Meter) -> Result<Input, Error> {
    let decoder = Decoder::new(memory);
    let input = match method {
        Method::Predict | Method::TransformInput | Method::TransformOutput | Method::Route => {
            decoder.message(document).map(Input::Message)
        }
        Method::Aggregate => decoder.messages(document).map(Input::Messages),
        Method::SendFeedback => decoder
            .feedback(document)
            .map(|feedback| Input::Feedback(Box::new(feedback))),
        Method::HealthStatus | Method::Metadata => Ok(Input::None),
    };
    input.map_err(|error| match error {
        DecodeError::Memory { error, .. } => *error,
        error => bad_data(method, &error, document),
    })
}

/// Checks that it is JSON, of whatever kind.
///
/// # Errors
///
/// [`ErrorKind::BadData`] as for the JSON of a call.
pub(super) fn any(document: &Bytes) -> Result<Bytes, Error> {
    let checked = check(document).map_err(|error| match error {
        DecodeError::Syntax { .. } => form::missing(),
        DecodeError::TooDeep { .. } => depth::too_deep(&error),
        error => Error::new(ErrorKind::BadData, format!("Invalid JSON: {error}")),
    })?;
    Ok(checked.into_bytes())
}

fn bad_data(method: Method, error: &DecodeError, document: &Bytes) -> Error {
    let info = match error {
        DecodeError::Syntax { .. } => return form::missing(),
        // Feedback is protobuf to seldon-core, down to the words.
        DecodeError::NotAnObject { .. } if method == Method::SendFeedback => {
            format!("Invalid JSON: {error}")
        }
        // The message that is meant: the whole document, or an element of a list.
        &DecodeError::NotAnObject { offset, .. } | &DecodeError::NoPayload { offset, .. } => {
            let message = value_at(document, offset).unwrap_or(document);
            format!("Invalid request data type: {}", shown(message))
        }
        DecodeError::TooDeep { .. } => return depth::too_deep(error),
        DecodeError::WrongType { .. }
        | DecodeError::UnknownField { .. }
        | DecodeError::Wire { .. }
        | DecodeError::TooLarge { .. }
        | DecodeError::Memory { .. }
        | DecodeError::Invalid { .. } => format!("Invalid JSON: {error}"),
    };
    Error::new(ErrorKind::BadData, info)
}

/// The start of a document that is known to be UTF-8.
fn shown(document: &[u8]) -> Cow<'_, str> {
    if document.len() <= SHOWN {
        return String::from_utf8_lossy(document.trim_ascii());
    }
    let mut end = SHOWN;
    // Not in the middle of a character.
    while end > 0 && document[end] & 0xC0 == 0x80 {
        end -= 1;
    }
    Cow::Owned(format!("{}…", String::from_utf8_lossy(&document[..end])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: Method, document: &str) -> String {
        let document = Bytes::from(document.to_owned());
        input(method, &document, &Meter::unlimited())
            .unwrap_err()
            .info
    }

    #[test]
    fn contract_words() {
        assert_eq!(info(Method::Predict, "{bad"), "Can't find JSON in data");
        assert_eq!(info(Method::Predict, "[]"), "Invalid request data type: []");
        assert_eq!(
            info(Method::Route, " {\"a\":1} "),
            "Invalid request data type: {\"a\":1}"
        );
        let list = r#"{"seldonMessages":[{"strData":"a"}, {"b": [1]} ]}"#;
        let expected = "Invalid request data type: {\"b\": [1]}";
        assert_eq!(info(Method::Aggregate, list), expected);
        assert_eq!(
            info(Method::Aggregate, "[5]"),
            "Invalid request data type: 5"
        );
        assert!(info(Method::SendFeedback, r#"{"foo":1}"#).starts_with("Invalid JSON: "));
        assert!(info(Method::SendFeedback, "[1]").starts_with("Invalid JSON: "));
        assert!(info(Method::SendFeedback, r#"{"truth":1}"#).starts_with("Invalid JSON: "));
        assert!(info(Method::Predict, r#"{"data":3}"#).starts_with("Invalid JSON: "));
    }

    #[test]
    fn long_document_is_cut_between_characters() {
        let document = format!("[\"{}\"]", "é".repeat(200));
        let info = info(Method::Predict, &document);
        assert!(info.ends_with("é…"), "{info}");
        assert!(info.len() < 260, "{info}");
    }
}
