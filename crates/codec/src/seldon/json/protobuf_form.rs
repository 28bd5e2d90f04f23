//! Messages in the JSON that a protobuf library makes of them: every number of an array, a tag or
//! `jsonData` is a float, what is empty or zero is left out, and floats that JSON has no number for
//! are strings.

use streeling_core::{
    Array, Elements, Layout, Message, Meta, Metric, MetricKind, Payload, Status, Tensor,
};

use super::floats::text_in_protobuf_form;
use super::named::{write_any, write_named};
use super::write::encode_names;
use super::write_tensor_proto::write_tensor_proto;
use crate::json::float::write_f32;
use crate::json::float_in_protobuf_form;
use crate::json::writer::{
    Object, encode_string, write_base64, write_int, write_list, write_table, write_tensor,
};

/// Appends a message as a protobuf library writes it, but for its `meta`, which is always there.
///
/// [`Payload::Opaque`] is the whole message, whatever it is.
pub fn encode_in_protobuf_form(message: &Message, out: &mut Vec<u8>) {
    if let Payload::Opaque(pieces) = &message.payload {
        pieces.iter().for_each(|piece| out.extend_from_slice(piece));
        return;
    }
    let mut object = Object::open(out);
    match &message.payload {
        Payload::None | Payload::Opaque(_) => {}
        Payload::Array(array) => write_array(array, object.field("data")),
        Payload::Named(named) | Payload::Columns(named) => {
            let mut text = Vec::new();
            write_named(named, &mut text);
            text_in_protobuf_form(&text, object.field("jsonData"));
        }
        Payload::Bytes(bytes) => write_base64(bytes, object.field("binData")),
        Payload::Text(text) => encode_string(text, object.field("strData")),
        Payload::Quoted(text) => object.field("strData").extend_from_slice(text.as_bytes()),
        Payload::Json(json) => text_in_protobuf_form(json.as_bytes(), object.field("jsonData")),
        Payload::Any { type_url, value } => {
            write_any(type_url, value, object.field("customData"));
        }
    }
    write_meta(&message.meta, object.field("meta"));
    if let Some(status) = &message.status {
        write_status(status, object.field("status"));
    }
    object.close();
}

fn write_meta(meta: &Meta, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    if let Some(id) = meta.id.as_ref().filter(|id| !id.is_empty()) {
        encode_string(id, object.field("puid"));
    }
    if !meta.tags.is_empty() {
        write_table(&meta.tags, object.field("tags"), |tag, out| {
            text_in_protobuf_form(tag.as_bytes(), out);
        });
    }
    if !meta.routing.is_empty() {
        write_table(&meta.routing, object.field("routing"), |&branch, out| {
            write_int(branch, out);
        });
    }
    if !meta.path.is_empty() {
        write_table(&meta.path, object.field("requestPath"), |image, out| {
            encode_string(image, out);
        });
    }
    if !meta.metrics.is_empty() {
        write_list(&meta.metrics, object.field("metrics"), write_metric);
    }
    object.close();
}

fn write_metric(metric: &Metric, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    if !metric.key.is_empty() {
        encode_string(&metric.key, object.field("key"));
    }
    if metric.kind != MetricKind::Counter {
        encode_string(metric.kind.name(), object.field("type"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value of a metric has 32 bits in the protocol"
    )]
    let value = metric.value.as_f64() as f32;
    // Minus zero is as good as zero.
    if value != 0.0 {
        let out = object.field("value");
        if value.is_finite() {
            write_f32(value, out);
        } else {
            float_in_protobuf_form(value.into(), out);
        }
    }
    if let Some(tags) = metric.tags.as_ref().filter(|tags| !tags.is_empty()) {
        write_table(tags, object.field("tags"), |value, out| {
            encode_string(value, out);
        });
    }
    object.close();
}

fn write_status(status: &Status, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    if status.code != 0 {
        write_int(status.code, object.field("code"));
    }
    for (name, text) in [("info", &status.info), ("reason", &status.reason)] {
        if !text.is_empty() {
            encode_string(text, object.field(name));
        }
    }
    if status.failure {
        encode_string("FAILURE", object.field("status"));
    }
    object.close();
}

fn write_array(array: &Array, out: &mut Vec<u8>) {
    let mut object = Object::open(out);
    if !array.names.is_empty() {
        encode_names(&array.names, object.field("names"));
    }
    match (&array.elements, array.layout) {
        (_, Layout::Unset) => {}
        (Elements::Typed(tensor), Layout::TensorProto) => {
            write_tensor_proto(tensor, object.field("tftensor"));
        }
        (Elements::Json(json), Layout::TensorProto) => {
            object.field("tftensor").extend_from_slice(json.as_bytes());
        }
        (Elements::Typed(tensor), Layout::Flat) => {
            let mut parts = Object::open(object.field("tensor"));
            if !tensor.shape().is_empty() {
                write_list(tensor.shape(), parts.field("shape"), |&side, out| {
                    write_int(side, out);
                });
            }
            if !tensor.is_empty() {
                write_floats(tensor, &[tensor.len()], parts.field("values"));
            }
            parts.close();
        }
        (Elements::Typed(tensor), Layout::Nested) => {
            write_floats(tensor, tensor.shape(), object.field("ndarray"));
        }
        (Elements::Json(json), Layout::Nested) => {
            text_in_protobuf_form(json.as_bytes(), object.field("ndarray"));
        }
        (Elements::Json(json), Layout::Flat) => {
            text_in_protobuf_form(json.as_bytes(), object.field("tensor"));
        }
    }
    object.close();
}

fn write_floats(tensor: &Tensor, shape: &[usize], out: &mut Vec<u8>) {
    let mut text = Vec::new();
    write_tensor(tensor, shape, &mut text);
    text_in_protobuf_form(&text, out);
}
