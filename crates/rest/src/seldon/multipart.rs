//! `multipart/form-data` as one JSON document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::{Field, Multipart};
use streeling_codec::json;
use streeling_core::{Error, ErrorKind, Limit, RawMessage, Table};

/// Parts of a multipart body, and fields of a form, by default.
pub(super) const MAX_PARTS: usize = 1000;

/// The field whose text is a string rather than JSON.
const TEXT: &str = "strData";

/// The file that is base64 rather than text.
const BINARY: &str = "binData";

/// A part as a member of the document, without its name.
struct Member {
    value: Vec<u8>,
    from_file: bool,
}

/// Makes the object that the parts stand for: `strData` a string, a file `binData` base64, any
/// other file a string, any other field the JSON in it. Of two parts of one name a file wins, else
/// the first.
///
/// # Errors
///
/// [`ErrorKind::BadData`] when the body is no such multipart body, or a field holds no JSON;
/// [`ErrorKind::TooLarge`] when it has more parts than `max_parts`.
pub(crate) fn document(
    boundary: Option<&str>,
    body: Bytes,
    max_parts: usize,
) -> Result<Bytes, Error> {
    let parts = parts(boundary, body, max_parts)?;
    Ok(Bytes::from(object(&parts.members)))
}

/// The same for a component that takes anything: a body that is no multipart body has no parts.
///
/// # Errors
///
/// [`ErrorKind::BadData`] when a field holds no JSON; [`ErrorKind::TooLarge`] when there are more
/// parts than `max_parts`.
pub(super) fn raw_message(
    boundary: Option<&str>,
    body: Bytes,
    max_parts: usize,
) -> Result<RawMessage, Error> {
    let parts = match parts(boundary, body, max_parts) {
        Ok(parts) => parts,
        Err(Unreadable::Content(error)) => return Err(error),
        Err(Unreadable::Body(_)) => Parts::default(),
    };
    Ok(RawMessage::Given {
        message: Bytes::from(object(&parts.members)),
        bytes: parts.has_bytes().then_some(BINARY),
    })
}

/// What the parts of a body stand for.
#[derive(Default)]
struct Parts {
    // A table, for looking through a list would take a body of many small parts quadratic time.
    members: Table<Member>,
}

impl Parts {
    /// Whether there is a file of bytes.
    fn has_bytes(&self) -> bool {
        self.members
            .get(BINARY)
            .is_some_and(|member| member.from_file)
    }
}

/// Why a body cannot be read.
enum Unreadable {
    /// It is no multipart body.
    Body(Error),
    /// What a part holds is not what it must be.
    Content(Error),
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::Body(error) | Unreadable::Content(error) => error,
        }
    }
}

fn parts(boundary: Option<&str>, body: Bytes, max: usize) -> Result<Parts, Unreadable> {
    // The body is all there, so there is nothing to wait for.
    read(boundary, body, max).now_or_never().unwrap_or_else(|| {
        Err(Unreadable::Content(Error::new(
            ErrorKind::Internal,
            "the reader of multipart bodies waits for more of a whole one",
        )))
    })
}

async fn read(boundary: Option<&str>, body: Bytes, max_parts: usize) -> Result<Parts, Unreadable> {
    let no_body = |problem: &dyn std::fmt::Display| Unreadable::Body(bad(problem));
    let boundary = boundary.ok_or_else(|| no_body(&"its content type names no boundary"))?;
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = Multipart::new(whole, boundary);
    let mut members: Table<Member> = Table::new();
    let mut count = 0;
    while let Some(part) = parts.next_field().await.map_err(|error| no_body(&error))? {
        if count == max_parts {
            let error = too_many("the multipart body", "parts", max_parts);
            return Err(Unreadable::Content(error));
        }
        count += 1;
        let Some((name, member)) = member(part).await? else {
            continue;
        };
        match members.get_mut(&name) {
            None => {
                members.insert(name, member);
            }
            Some(known) if member.from_file && !known.from_file => *known = member,
            Some(_) => {}
        }
    }
    Ok(Parts { members })
}

/// `None` for a part without a name, which no field of a message can be.
async fn member(part: Field<'_>) -> Result<Option<(String, Member)>, Unreadable> {
    let Some(name) = part.name().map(str::to_owned) else {
        return Ok(None);
    };
    // A browser sends an empty name where no file was chosen.
    let from_file = part.file_name().is_some_and(|name| !name.is_empty());
    let content = part.bytes().await;
    let content = content.map_err(|error| Unreadable::Body(bad(&error)))?;
    let bad_content = |problem: &dyn std::fmt::Display| Unreadable::Content(bad(problem));
    let mut value = Vec::with_capacity(content.len() + 2);
    if from_file && name == BINARY {
        json::encode_string(&STANDARD.encode(&content), &mut value);
    } else if name == TEXT && !from_file {
        // seldon-core forgives this in a field, and not in a file.
        json::encode_string(&String::from_utf8_lossy(&content), &mut value);
    } else if from_file {
        let text = std::str::from_utf8(&content)
            .map_err(|error| bad_content(&format_args!("{name} is not UTF-8: {error}")))?;
        json::encode_string(text, &mut value);
    } else {
        let checked = json::check(&content)
            .map_err(|error| bad_content(&format_args!("{name} holds no JSON: {error}")))?;
        value.extend_from_slice(checked.as_bytes());
    }
    Ok(Some((name, Member { value, from_file })))
}

fn object(members: &Table<Member>) -> Vec<u8> {
    let mut object = vec![b'{'];
    for (index, (name, member)) in members.iter().enumerate() {
        if index > 0 {
            object.push(b',');
        }
        json::encode_string(name, &mut object);
        object.push(b':');
        object.extend_from_slice(&member.value);
    }
    object.push(b'}');
    object
}

/// A body of more parts, or fields, than are allowed.
pub(super) fn too_many(whole: &str, parts: &str, allowed: usize) -> Error {
    Error::new(
        ErrorKind::TooLarge,
        format!(
            "{whole} has too many {parts}, allowed are {allowed} (--max-parts, STREELING_MAX_PARTS)"
        ),
    )
    .beyond(Limit::Parts)
}

fn bad(problem: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::BadData,
        format!("Invalid request data type: multipart body, {problem}"),
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn joined(parts: &[(String, &str)]) -> String {
        let mut body = String::new();
        for (disposition, content) in parts {
            write!(
                body,
                "--x\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n"
            )
            .unwrap();
        }
        body.push_str("--x--\r\n");
        let document = document(Some("x"), Bytes::from(body), usize::MAX);
        String::from_utf8(document.unwrap().to_vec()).unwrap()
    }

    fn field(name: &str) -> String {
        format!("name=\"{name}\"")
    }

    fn file(name: &str) -> String {
        format!("name=\"{name}\"; filename=\"f\"")
    }

    #[test]
    fn a_file_wins_in_the_place_of_the_first_else_the_first_does() {
        let parts = [
            (field("a"), "1"),
            (field("b"), "2"),
            (file("a"), "first file"),
            (file("a"), "second file"),
            (field("a"), "3"),
            (field("b"), "4"),
        ];
        assert_eq!(joined(&parts), r#"{"a":"first file","b":2}"#);
    }

    #[test]
    fn a_component_that_takes_anything_gets_what_there_is() {
        let raw = |body: &'static str| raw_message(Some("x"), body.into(), 2);
        let given = |message: &'static str, bytes| RawMessage::Given {
            message: message.into(),
            bytes,
        };
        for body in ["", "--y--\r\n", "--x\r\nContent-Dis"] {
            assert_eq!(raw(body).unwrap(), given("{}", None), "{body:?}");
        }
        let file = "--x\r\nContent-Disposition: form-data; name=\"binData\"; filename=\"f\"\r\n\r\n\
                    hi\r\n--x--\r\n";
        let expected = given(r#"{"binData":"aGk="}"#, Some(BINARY));
        assert_eq!(raw(file).unwrap(), expected);
        let field = "--x\r\nContent-Disposition: form-data; name=\"binData\"\r\n\r\n\
                     1\r\n--x--\r\n";
        assert_eq!(raw(field).unwrap(), given(r#"{"binData":1}"#, None));
        let bad = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nbad\r\n--x--\r\n";
        assert_eq!(raw(bad).unwrap_err().kind, ErrorKind::BadData);
        let part = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
        let many = format!("{}--x--\r\n", part.repeat(3));
        let many = raw_message(Some("x"), many.into(), 2);
        assert_eq!(many.unwrap_err().kind, ErrorKind::TooLarge);
    }

    #[test]
    fn many_parts_keep_their_order() {
        let count = 20_000;
        // Each name comes twice, and its first value stays.
        let parts: Vec<_> = (0..2 * count)
            .map(|number| {
                let value = if number < count { "1" } else { "2" };
                (field(&format!("p{}", number % count)), value)
            })
            .collect();
        let members: Vec<_> = (0..count)
            .map(|number| format!("\"p{number}\":1"))
            .collect();
        assert_eq!(joined(&parts), format!("{{{}}}", members.join(",")));
    }
}
