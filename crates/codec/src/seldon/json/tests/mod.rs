mod arrays;
mod feedback;
mod fields;
mod properties;
mod protobuf_form;
mod syntax;
mod writing;

use bytes::Bytes;
use proptest::prelude::*;
use streeling_core::{
    Array, DType, Elements, Feedback, Layout, Message, Meta, Metric, MetricKind, Named, Names,
    Number, Payload, RawJson, Status, Table, Tensor,
};

use super::*;
use crate::json::check;

fn body(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn message(text: &str) -> Message {
    decode_message(&body(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn payload(text: &str) -> Payload {
    message(text).payload
}

fn data(text: &str) -> Array {
    match payload(text) {
        Payload::Array(data) => data,
        other => panic!("{text}: {other:?}"),
    }
}

fn array(ndarray: &str) -> Elements {
    let data = data(&format!(r#"{{"data":{{"ndarray":{ndarray}}}}}"#));
    assert_eq!(data.layout, Layout::Nested);
    data.elements
}

fn error(text: &str) -> DecodeError {
    decode_message(&body(text)).expect_err(text)
}

fn encoded(message: &Message) -> String {
    let mut out = Vec::new();
    encode_message(message, &mut out);
    String::from_utf8(out).unwrap()
}

fn with_payload(payload: Payload) -> Message {
    Message {
        payload,
        ..Message::default()
    }
}

fn raw(text: &str) -> RawJson {
    RawJson::from_checked(body(text))
}

fn floats(shape: &[usize], values: &[f64]) -> Elements {
    Elements::Typed(Tensor::from_vec(shape.to_vec(), values.to_vec()).unwrap())
}

fn ints(shape: &[usize], values: &[i64]) -> Elements {
    Elements::Typed(Tensor::from_vec(shape.to_vec(), values.to_vec()).unwrap())
}

fn bools(shape: &[usize], values: &[bool]) -> Elements {
    Elements::Typed(Tensor::from_bools(shape.to_vec(), values.to_vec()).unwrap())
}
