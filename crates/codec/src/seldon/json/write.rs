//! Messages as JSON, straight from their buffers.

use streeling_core::{
    Array, Elements, Feedback, Layout, Message, Meta, Metric, Names, Number, Payload, RawJson,
    Status,
};

use super::named::{write_any, write_named};
use super::write_tensor_proto::write_tensor_proto;
use crate::json::float::write_f32;
use crate::json::writer::{
    Object, encode_float, encode_string, write_base64, write_int, write_list, write_table,
    write_tensor,
};

/// Appends a message: its payload, its `meta` (always, if only `{}`), and its `status` if it has
/// one.
///
/// [`Payload::Opaque`] is the whole message, whatever it is. [`Payload::Named`] becomes `jsonData`:
/// an object with the value of each name, arrays as nested lists and bytes as base64.
///
/// Floats are written as Python's `repr` writes them (float32 and float16 as the float64 of the
/// same value), integers as integers. Elements of [`DType::Bytes`](streeling_core::DType::Bytes)
/// are written as strings; a byte that is not UTF-8 as the half of a surrogate pair that Python's
/// `surrogateescape` makes of it.
pub fn encode_message(message: &Message, out: &mut Vec<u8>) {
    if let Payload::Opaque(pieces) = &message.payload {
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        return;
    }
    let mut object = Object::open(out);
    match &message.payload {
        Payload::None | Payload::Text(_) | Payload::Quoted(_) | Payload::Opaque(_) => {}
        Payload::Array(array) => write_array(array, object.field("data")),
        Payload::Named(named) | Payload::Columns(named) => {
            write_named(named, object.field("jsonData"));
        }
        Payload::Bytes(bytes) => write_base64(bytes, object.field("binData")),
        Payload::Json(json) => object.field("jsonData").extend_from_slice(json.as_bytes()),
        Payload::Any { type_url, value } => {
            write_any(type_url, value, object.field("customData"));
        }
    }
    encode_meta(&message.meta, object.field("meta"));
    if let Some(status) = &message.status {
        write_status(status, object.field("status"));
    }
    match &message.payload {
        Payload::Text(text) => encode_string(text, object.field("strData")),
        Payload::Quoted(text) => object.field("strData").extend_from_slice(text.as_bytes()),
        _ => {}
    }
    object.close();
}

/// Appends a `SeldonMessageList`.
pub fn encode_messages(messages: &[Message], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"seldonMessages\":");
    write_list(messages, out, encode_message);
    out.push(b'}');
}

/// Appends a `Feedback`; the messages that it does not have are left out. The reward is written
/// with the digits of a float32.
pub fn encode_feedback(feedback: &Feedback, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    for (name, message) in [
        ("request", &feedback.request),
        ("response", &feedback.response),
        ("truth", &feedback.truth),
    ] {
        if let Some(message) = message {
            encode_message(message, object.field(name));
        }
    }
    write_f32(feedback.reward, object.field("reward"));
    object.close();
}

/// Appends `meta`: as it came where that is known, else an object with only the parts that are
/// there.
pub fn encode_meta(meta: &Meta, out: &mut Vec<u8>) {
    let untyped = meta.untyped.as_deref();
    if let Some(text) = untyped.and_then(|untyped| untyped.text.as_ref()) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut object = Object::open(out);
    if let Some(id) = &meta.id {
        encode_string(id, object.field("puid"));
    }
    if !meta.tags.is_empty() {
        write_table(&meta.tags, object.field("tags"), |tag, out| {
            out.extend_from_slice(tag.as_bytes());
        });
    }
    if !meta.routing.is_empty() {
        write_table(&meta.routing, object.field("routing"), |&branch, out| {
            write_int(branch, out);
        });
    }
    if !meta.path.is_empty() || untyped.is_some_and(|untyped| !untyped.path.is_empty()) {
        let mut path = Object::open(object.field("requestPath"));
        for (node, image) in &meta.path {
            encode_string(image, path.entry(node));
        }
        for (node, value) in untyped.iter().flat_map(|untyped| &untyped.path) {
            path.entry(node).extend_from_slice(value.as_bytes());
        }
        path.close();
    }
    if let Some(others) = untyped.and_then(|untyped| untyped.metrics.as_ref()) {
        write_metrics(&meta.metrics, others, object.field("metrics"));
    } else if !meta.metrics.is_empty() {
        write_list(&meta.metrics, object.field("metrics"), write_metric);
    }
    for (name, value) in untyped.iter().flat_map(|untyped| &untyped.fields) {
        object.entry(name).extend_from_slice(value.as_bytes());
    }
    object.close();
}

/// Appends the names of columns: a list of strings, or what is there in place of one.
pub fn encode_names(names: &Names, out: &mut Vec<u8>) {
    match names {
        Names::Unset => out.extend_from_slice(b"[]"),
        Names::Given(names) => write_list(names, out, |name, out| encode_string(name, out)),
        Names::Numbered(count) => write_numbered(*count, out),
        Names::Json(json) => out.extend_from_slice(json.as_bytes()),
    }
}

/// Writes default names, which need no escapes.
fn write_numbered(count: usize, out: &mut Vec<u8>) {
    out.push(b'[');
    for column in 0..count {
        let open: &[u8] = if column > 0 { b",\"" } else { b"\"" };
        out.extend_from_slice(open);
        out.extend_from_slice(Names::PREFIX.as_bytes());
        write_int(column, out);
        out.push(b'"');
    }
    out.push(b']');
}

fn write_status(status: &Status, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    write_int(status.code, object.field("code"));
    encode_string(&status.info, object.field("info"));
    encode_string(&status.reason, object.field("reason"));
    let name = if status.failure { "FAILURE" } else { "SUCCESS" };
    encode_string(name, object.field("status"));
    object.close();
}

/// Writes metrics, and then those of a list that is JSON already.
fn write_metrics(metrics: &[Metric], others: &RawJson, out: &mut Vec<u8>) {
    out.push(b'[');
    for metric in metrics {
        write_metric(metric, out);
        out.push(b',');
    }
    // It has at least one, and closes the list.
    out.extend_from_slice(&others.as_bytes()[1..]);
}

fn write_metric(metric: &Metric, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    encode_string(&metric.key, object.field("key"));
    encode_string(metric.kind.name(), object.field("type"));
    match metric.value {
        Number::Int(value) => write_int(value, object.field("value")),
        Number::Float(value) => encode_float(value, object.field("value")),
    }
    if let Some(tags) = &metric.tags {
        write_table(tags, object.field("tags"), |value, out| {
            encode_string(value, out);
        });
    }
    object.close();
}

fn write_array(array: &Array, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    encode_names(&array.names, object.field("names"));
    let out = match array.layout {
        Layout::Nested => object.field("ndarray"),
        Layout::Flat => object.field("tensor"),
        Layout::TensorProto => object.field("tftensor"),
        Layout::Unset => return object.close(),
    };
    match (&array.elements, array.layout) {
        (Elements::Json(json), _) => out.extend_from_slice(json.as_bytes()),
        (Elements::Typed(tensor), Layout::Flat) => {
            let mut parts = Object::open(out);
            write_list(tensor.shape(), parts.field("shape"), |&side, out| {
                write_int(side, out);
            });
            write_tensor(tensor, &[tensor.len()], parts.field("values"));
            parts.close();
        }
        (Elements::Typed(tensor), Layout::TensorProto) => write_tensor_proto(tensor, out),
        (Elements::Typed(tensor), Layout::Nested | Layout::Unset) => {
            write_tensor(tensor, tensor.shape(), out);
        }
    }
    object.close();
}
