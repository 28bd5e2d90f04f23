//! `multipart/form-data` as one JSON document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use multer::{Field, Multipart};
use streeling_codec::json;
use streeling_core::{Error, ErrorKind, Table};

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
/// [`ErrorKind::BadData`] when the body is no such multipart body, or a field holds no JSON.
pub(crate) fn document(boundary: Option<&str>, body: Bytes) -> Result<Bytes, Error> {
    // The body is all there, so there is nothing to wait for.
    read(boundary, body).now_or_never().unwrap_or_else(|| {
        Err(Error::new(
            ErrorKind::Internal,
            "the reader of multipart bodies waits for more of a whole one",
        ))
    })
}

async fn read(boundary: Option<&str>, body: Bytes) -> Result<Bytes, Error> {
    let boundary = boundary.ok_or_else(|| bad(&"its content type names no boundary"))?;
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = Multipart::new(whole, boundary);
    // A table, for looking through a list would take a body of many small parts quadratic time.
    let mut members: Table<Member> = Table::new();
    while let Some(part) = parts.next_field().await.map_err(|error| bad(&error))? {
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
    Ok(Bytes::from(object(&members)))
}

/// `None` for a part without a name, which no field of a message can be.
async fn member(part: Field<'_>) -> Result<Option<(String, Member)>, Error> {
    let Some(name) = part.name().map(str::to_owned) else {
        return Ok(None);
    };
    // A browser sends an empty name where no file was chosen.
    let from_file = part.file_name().is_some_and(|name| !name.is_empty());
    let content = part.bytes().await.map_err(|error| bad(&error))?;
    let mut value = Vec::with_capacity(content.len() + 2);
    if from_file && name == BINARY {
        json::encode_string(&STANDARD.encode(&content), &mut value);
    } else if name == TEXT && !from_file {
        // seldon-core forgives this in a field, and not in a file.
        json::encode_string(&String::from_utf8_lossy(&content), &mut value);
    } else if from_file {
        let text = std::str::from_utf8(&content)
            .map_err(|error| bad(&format_args!("{name} is not UTF-8: {error}")))?;
        json::encode_string(text, &mut value);
    } else {
        let checked = json::check(&content)
            .map_err(|error| bad(&format_args!("{name} holds no JSON: {error}")))?;
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
        let document = document(Some("x"), Bytes::from(body));
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
