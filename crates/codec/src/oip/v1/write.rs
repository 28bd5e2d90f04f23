//! Responses.

use streeling_core::{DType, Elements, Error, ErrorKind, Message, Payload, Result};

use crate::json::encode_string;
use crate::json::scan::Cursor;
use crate::json::writer::{Object, write_base64};
use crate::oip::json::write_elements;

/// The field of a response.
const PREDICTIONS: &str = "predictions";

/// Writes a response: `{"predictions": …}`, of an array its nested lists. An object that a
/// component returns and that has the field itself goes out as it is.
///
/// # Errors
///
/// [`ErrorKind::Component`] for what JSON cannot say.
pub fn encode(message: &Message, out: &mut Vec<u8>) -> Result<()> {
    if let Payload::Json(json) = &message.payload
        && has_predictions(json.as_bytes())
    {
        out.extend_from_slice(json.as_bytes());
        return Ok(());
    }
    let mut object = Object::open(out);
    write(&message.payload, object.field(PREDICTIONS))?;
    object.close();
    Ok(())
}

fn write(payload: &Payload, out: &mut Vec<u8>) -> Result<()> {
    match payload {
        Payload::None => out.extend_from_slice(b"[]"),
        Payload::Array(array) => match &array.elements {
            Elements::Typed(tensor) => {
                let mut elements = tensor.byte_elements();
                if tensor.dtype() == DType::Bytes
                    && elements.any(|element| std::str::from_utf8(element).is_err())
                {
                    return Err(unsayable("an array of bytes that are no text"));
                }
                write_elements(tensor, tensor.shape(), out);
            }
            Elements::Json(json) => out.extend_from_slice(json.as_bytes()),
        },
        Payload::Named(named) | Payload::Columns(named) => {
            let mut object = Object::open(out);
            for one in named {
                write(&one.payload, object.entry(&one.name))?;
            }
            object.close();
        }
        Payload::Text(text) => encode_string(text, out),
        Payload::Bytes(bytes) => {
            let mut object = Object::open(out);
            write_base64(bytes, object.field("b64"));
            object.close();
        }
        Payload::Json(json) | Payload::Quoted(json) => out.extend_from_slice(json.as_bytes()),
        Payload::Any { .. } => return Err(unsayable("a protobuf message")),
        Payload::Opaque(_) => return Err(unsayable("a body that the server has not read")),
    }
    Ok(())
}

fn has_predictions(json: &[u8]) -> bool {
    let Ok(mut cursor) = Cursor::new(json) else {
        return false;
    };
    let mut found = false;
    let walked = cursor.object(|cursor, span| {
        found |= cursor.field(span) == PREDICTIONS;
        cursor.skip()
    });
    walked.is_ok() && found
}

#[cold]
fn unsayable(what: &str) -> Error {
    let info = format!("the component's response cannot be sent: it is {what}");
    Error::new(ErrorKind::Component, info)
}
