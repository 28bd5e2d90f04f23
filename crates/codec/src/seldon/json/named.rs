//! Payloads as JSON values, for messages that hold several of them.

use streeling_core::{Elements, Named, Payload};

use crate::json::writer::{Object, encode_string, write_base64, write_tensor};

/// Writes an object with the value of each name.
pub(in crate::seldon) fn write_named(named: &[Named], out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    for Named { name, payload } in named {
        write_value(payload, object.entry(name));
    }
    object.close();
}

/// Writes a protobuf message of the user's own, its bytes as base64.
pub(super) fn write_any(type_url: &str, value: &[u8], out: &mut Vec<u8>) {
    let mut any = Object::open(out);
    encode_string(type_url, any.field("typeUrl"));
    write_base64(value, any.field("value"));
    any.close();
}

fn write_value(payload: &Payload, out: &mut Vec<u8>) {
    match payload {
        Payload::None => out.extend_from_slice(b"null"),
        Payload::Array(array) => match &array.elements {
            Elements::Typed(tensor) => write_tensor(tensor, tensor.shape(), out),
            Elements::Json(json) => out.extend_from_slice(json.as_bytes()),
        },
        Payload::Named(named) | Payload::Columns(named) => write_named(named, out),
        Payload::Text(text) => encode_string(text, out),
        Payload::Bytes(bytes) => write_base64(bytes, out),
        Payload::Json(json) | Payload::Quoted(json) => out.extend_from_slice(json.as_bytes()),
        Payload::Any { type_url, value } => write_any(type_url, value, out),
        Payload::Opaque(pieces) => write_base64(&pieces.concat(), out),
    }
}
