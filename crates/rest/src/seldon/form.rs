//! The ways in which a request can bring its JSON.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use streeling_core::{Error, ErrorKind};

use super::multipart::{self, too_many};

/// The form field and the query parameter that hold JSON.
const FIELD: &str = "json";

/// The byte order mark of UTF-8.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// What a `Content-Type` header says, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ContentType {
    /// `application/json` or `application/…+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data` with its boundary.
    Multipart(Option<String>),
    /// Something else.
    Other,
}

impl ContentType {
    /// What the header says; `None` without one.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(CONTENT_TYPE)?;
        // As nearly all clients write it.
        if value == "application/json" {
            return Some(Self::Json);
        }
        Some(value.to_str().map_or(Self::Other, Self::parse))
    }

    pub(super) fn parse(value: &str) -> Self {
        let essence = value.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/json") || is_suffixed(essence) {
            Self::Json
        } else if is("application/x-www-form-urlencoded") {
            Self::Form
        } else if is("multipart/form-data") {
            Self::Multipart(multer::parse_boundary(value).ok())
        } else {
            Self::Other
        }
    }
}

/// Whether it is `application/…+json`.
fn is_suffixed(essence: &str) -> bool {
    let (start, end) = ("application/", "+json");
    essence.len() >= start.len() + end.len()
        && essence
            .get(..start.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(start))
        && essence
            .get(essence.len() - end.len()..)
            .is_some_and(|part| part.eq_ignore_ascii_case(end))
}

/// The JSON that a request brings: the parts of a multipart body, else the form field `json`, else
/// the query parameter `json`, else the body itself. seldon-core looks in this order.
///
/// # Errors
///
/// [`ErrorKind::BadData`] when there is none.
pub(super) fn document(
    content_type: Option<&ContentType>,
    query: Option<&str>,
    body: Bytes,
    max_parts: usize,
) -> Result<Bytes, Error> {
    let field = match content_type {
        Some(ContentType::Multipart(boundary)) => {
            return multipart::document(boundary.as_deref(), body, max_parts);
        }
        Some(ContentType::Form) => value(&body, max_parts)?,
        _ => None,
    };
    let field = match (field, query) {
        (None, Some(query)) => value(query.as_bytes(), max_parts)?,
        (field, _) => field,
    };
    if let Some(text) = field {
        return Ok(Bytes::from(text.into_owned()));
    }
    if content_type != Some(&ContentType::Json) {
        return Err(missing());
    }
    let body = match body.strip_prefix(MARK) {
        Some(text) => body.slice_ref(text),
        None => body,
    };
    // To seldon-core a body of `null` is no body.
    if matches!(body.trim_ascii(), b"" | b"null") {
        return Err(missing());
    }
    Ok(body)
}

/// The first `json` of an urlencoded text; an empty one counts as none.
fn value(urlencoded: &[u8], max_parts: usize) -> Result<Option<Cow<'_, str>>, Error> {
    let mut fields = form_urlencoded::parse(urlencoded);
    let found = fields
        .by_ref()
        .take(max_parts)
        .find(|(name, _)| name == FIELD);
    match found {
        Some((_, value)) => Ok(Some(value).filter(|value| !value.is_empty())),
        None if fields.next().is_some() => Err(too_many("the form", "fields", max_parts)),
        None => Ok(None),
    }
}

/// Nothing in the request is JSON.
pub(super) fn missing() -> Error {
    Error::new(ErrorKind::BadData, "Can't find JSON in data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types() {
        for (value, expected) in [
            ("application/json", ContentType::Json),
            ("Application/JSON ; charset=utf-8", ContentType::Json),
            ("application/vnd.seldon+json", ContentType::Json),
            ("application/+JSON", ContentType::Json),
            ("application/json5", ContentType::Other),
            ("text/json", ContentType::Other),
            ("text/x+json", ContentType::Other),
            ("application/+jso", ContentType::Other),
            ("applicatioé/x+json", ContentType::Other),
            ("", ContentType::Other),
            ("application/x-www-form-urlencoded", ContentType::Form),
            (
                "multipart/form-data; boundary=\"a b\"",
                ContentType::Multipart(Some("a b".to_owned())),
            ),
            ("multipart/form-data", ContentType::Multipart(None)),
        ] {
            assert_eq!(ContentType::parse(value), expected, "{value}");
        }
    }

    #[test]
    fn order_of_the_ways() {
        let json = Some(&ContentType::Json);
        let form = Some(&ContentType::Form);
        for (content_type, query, body, expected) in [
            (json, None, "[1]", Some("[1]")),
            (json, Some("json=%7B%7D"), "[1]", Some("{}")),
            (json, Some("json="), "[1]", Some("[1]")),
            (json, Some("other=1"), "\u{feff}[1]", Some("[1]")),
            (json, None, " null ", None),
            (json, None, "", None),
            (form, Some("json=1"), "json=2&json=3", Some("2")),
            (form, Some("json=1"), "json=", Some("1")),
            (form, None, "a=1", None),
            (None, None, "{}", None),
            (Some(&ContentType::Other), None, "{}", None),
            (None, Some("json=null"), "", Some("null")),
        ] {
            let body_ = Bytes::from_static(body.as_bytes());
            let found = document(content_type, query, body_, 3);
            assert_eq!(
                found.ok().as_deref(),
                expected.map(str::as_bytes),
                "{content_type:?} {query:?} {body:?}"
            );
        }
    }

    #[test]
    fn fields_are_bounded_in_number() {
        let form = Some(&ContentType::Form);
        let found = |query, body: &str| {
            document(form, query, Bytes::from(body.to_owned()), 3).map_err(|error| error.kind)
        };
        assert_eq!(found(None, "a=1&b=2&json=3"), Ok("3".into()));
        assert_eq!(found(None, "a=1&b=2&c=3&json=4"), Err(ErrorKind::TooLarge));
        // What comes behind what is looked for is not looked at.
        assert_eq!(found(None, "json=1&b=2&c=3&d=4"), Ok("1".into()));
        assert_eq!(found(Some("a&b&c&json=4"), ""), Err(ErrorKind::TooLarge));
    }
}
