//! `multipart/form-data` as one JSON document.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use multer::{Field, Multipart};
use streeling_codec::json;
use streeling_core::{Error, ErrorKind};

/// The field whose text is a string rather than JSON.
const TEXT: &str = "strData";

/// The file that is base64 rather than text.
const BINARY: &str = "binData";

/// A part as a member of the document.
struct Member {
    name: String,
    value: Vec<u8>,
    from_file: bool,
}

/// Makes the object that the parts stand for: `strData` a string, a file `binData` base64, any other
/// file a string, any other field the JSON in it. Of two parts of one name a file wins, else the
/// first.
///
/// # Errors
///
/// [`ErrorKind::BadData`] when the body is no such multipart body, or a field holds no JSON.
pub(crate) async fn document(boundary: Option<&str>, body: Bytes) -> Result<Bytes, Error> {
    let boundary = boundary.ok_or_else(|| bad(&"its content type names no boundary"))?;
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = Multipart::new(whole, boundary);
    let mut members: Vec<Member> = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(|error| bad(&error))? {
        let Some(member) = member(part).await? else {
            continue;
        };
        match members.iter_mut().find(|known| known.name == member.name) {
            None => members.push(member),
            Some(known) if member.from_file && !known.from_file => *known = member,
            Some(_) => {}
        }
    }
    Ok(Bytes::from(object(&members)))
}

/// `None` for a part without a name, which no field of a message can be.
async fn member(part: Field<'_>) -> Result<Option<Member>, Error> {
    let Some(name) = part.name().map(str::to_owned) else {
        return Ok(None);
    };
    // A browser sends an empty name for a file that nobody chose.
    let from_file = part.file_name().is_some_and(|name| !name.is_empty());
    let content = part.bytes().await.map_err(|error| bad(&error))?;
    let mut value = Vec::with_capacity(content.len() + 2);
    if from_file && name == BINARY {
        json::encode_string(&STANDARD.encode(&content), &mut value);
    } else if name == TEXT && !from_file {
        // The incumbent forgives this in a field, and not in a file.
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
    Ok(Some(Member {
        name,
        value,
        from_file,
    }))
}

fn object(members: &[Member]) -> Vec<u8> {
    let mut object = vec![b'{'];
    for (index, member) in members.iter().enumerate() {
        if index > 0 {
            object.push(b',');
        }
        json::encode_string(&member.name, &mut object);
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
