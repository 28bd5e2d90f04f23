//! What parameters say, and the content types among them.

use std::borrow::Cow;
use std::fmt;

use streeling_core::{Error, ErrorKind, RawJson, Result};

use super::message::Parameters;
use crate::json::document::one_value;
use crate::json::fields::texts;
use crate::json::scan::Cursor;

/// What the elements of an input or output mean beside their datatype.
pub(super) const CONTENT_TYPE: &str = "content_type";

/// The names of an array's columns.
pub(super) const NAMES: &str = "names";

/// Of a request: whether the outputs go back as raw bytes where the output itself does not say.
pub(super) const BINARY_DATA_OUTPUT: &str = "binary_data_output";

/// Of a requested output: the same for it alone.
pub(super) const BINARY_DATA: &str = "binary_data";

/// Of an input or output as raw bytes: how many they are.
pub(super) const BINARY_DATA_SIZE: &str = "binary_data_size";

/// Whose parameters they are, for errors.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    Request,
    Input(&'a str),
    Output(&'a str),
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request => f.write_str("the request"),
            Self::Input(name) => write!(f, "input {}", Short(name)),
            Self::Output(name) => write!(f, "output {}", Short(name)),
        }
    }
}

/// A text of a client's in an error: in quotes, and not longer than it helps.
pub(super) struct Short<'a>(pub(super) &'a str);

impl fmt::Display for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 64;
        match self.0.char_indices().nth(LONGEST) {
            Some((end, _)) => write!(f, "\"{}…\"", self.0[..end].escape_debug()),
            None => write!(f, "\"{}\"", self.0.escape_debug()),
        }
    }
}

/// An error of the client's.
#[cold]
pub(super) fn bad(info: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadData, info)
}

/// The content types that `MLServer` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentType {
    Numpy,
    Pandas,
    Text,
    Base64,
    Datetime,
    Json,
}

impl ContentType {
    const ALL: [Self; 6] = [
        Self::Numpy,
        Self::Pandas,
        Self::Text,
        Self::Base64,
        Self::Datetime,
        Self::Json,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Numpy => "np",
            Self::Pandas => "pd",
            Self::Text => "str",
            Self::Base64 => "base64",
            Self::Datetime => "datetime",
            Self::Json => "json",
        }
    }

    /// The parameter that says so.
    pub(super) fn parameters(self) -> Parameters {
        let value = format!("\"{}\"", self.name());
        let value = RawJson::from_checked(value.into());
        Parameters::from_iter([(CONTENT_TYPE.to_owned(), value)])
    }

    /// What the parameters say; `None` where they do not.
    pub(super) fn of(parameters: &Parameters, owner: Owner<'_>) -> Result<Option<Self>> {
        let Some(value) = parameters.get(CONTENT_TYPE) else {
            return Ok(None);
        };
        let text = text(value).ok_or_else(|| wrong(CONTENT_TYPE, owner, "a string", value))?;
        let known = Self::ALL.into_iter().find(|known| known.name() == text);
        known.map(Some).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            bad(format!(
                "content_type {} of {owner} is not known, it must be one of {names}",
                Short(&text)
            ))
        })
    }
}

/// The names of an array's columns: a list of strings, or, since the protocol has no lists among
/// its parameters, a string with the JSON of one.
pub(super) fn names(parameters: &Parameters, owner: Owner<'_>) -> Result<Vec<String>> {
    let Some(value) = parameters.get(NAMES) else {
        return Ok(Vec::new());
    };
    let list = match text(value) {
        Some(text) => one_value(text.as_bytes(), texts),
        None => one_value(value.as_bytes(), texts),
    };
    list.map_err(|_| {
        let expected = "a list of strings, or a string with the JSON of one";
        wrong(NAMES, owner, expected, value)
    })
}

/// A parameter that is a boolean.
pub(super) fn flag(parameters: &Parameters, key: &str, owner: Owner<'_>) -> Result<Option<bool>> {
    let Some(value) = parameters.get(key) else {
        return Ok(None);
    };
    match value.as_bytes() {
        b"true" => Ok(Some(true)),
        b"false" => Ok(Some(false)),
        _ => Err(wrong(key, owner, "true or false", value)),
    }
}

/// A parameter that is a number of bytes.
pub(super) fn size(parameters: &Parameters, key: &str, owner: Owner<'_>) -> Result<Option<usize>> {
    let Some(value) = parameters.get(key) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes()).ok();
    match text.and_then(|text| text.parse().ok()) {
        Some(size) => Ok(Some(size)),
        None => Err(wrong(key, owner, "a number of bytes", value)),
    }
}

/// The text of a parameter that is a string.
pub(super) fn text(value: &RawJson) -> Option<Cow<'_, str>> {
    Cursor::new(value.as_bytes()).ok()?.string().ok()
}

#[cold]
pub(super) fn wrong(key: &str, owner: Owner<'_>, expected: &str, value: &RawJson) -> Error {
    let found = Cursor::new(value.as_bytes()).ok();
    let found = found
        .and_then(|cursor| cursor.kind())
        .unwrap_or("something");
    bad(format!(
        "{key} of {owner} must be {expected}, found {found}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(key: &str, value: &'static str) -> Parameters {
        Parameters::from_iter([(key.to_owned(), RawJson::from_checked(value.into()))])
    }

    #[test]
    fn content_types_are_those_of_mlserver() {
        for known in ContentType::ALL {
            let found = ContentType::of(&known.parameters(), Owner::Request);
            assert_eq!(found.unwrap(), Some(known));
        }
        assert_eq!(
            ContentType::of(&Parameters::new(), Owner::Request).unwrap(),
            None
        );
        let unknown = parameters(CONTENT_TYPE, "\"numpy\"");
        assert_eq!(
            ContentType::of(&unknown, Owner::Input("x"))
                .unwrap_err()
                .info,
            "content_type \"numpy\" of input \"x\" is not known, it must be one of np, pd, str, \
             base64, datetime, json"
        );
        let wrong = parameters(CONTENT_TYPE, "5");
        assert_eq!(
            ContentType::of(&wrong, Owner::Request).unwrap_err().info,
            "content_type of the request must be a string, found a number"
        );
    }

    #[test]
    fn names_are_a_list_or_the_text_of_one() {
        let names = |value| names(&parameters(NAMES, value), Owner::Output("y"));
        assert_eq!(names(r#"["a","b"]"#).unwrap(), ["a", "b"]);
        assert_eq!(names(r#""[\"a\",\"b\"]""#).unwrap(), ["a", "b"]);
        assert_eq!(
            super::names(&Parameters::new(), Owner::Request).unwrap(),
            [""; 0]
        );
        for wrong in ["5", "[5]", "\"a,b\"", "{}"] {
            let error = names(wrong).unwrap_err();
            assert!(
                error
                    .info
                    .starts_with("names of output \"y\" must be a list"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_text_in_an_error_is_short() {
        assert_eq!(Short("a\"b").to_string(), "\"a\\\"b\"");
        let long = "é".repeat(100);
        assert_eq!(Short(&long).to_string(), format!("\"{}…\"", "é".repeat(64)));
    }
}
