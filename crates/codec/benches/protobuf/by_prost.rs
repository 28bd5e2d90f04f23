//! The same as the codec does, by way of prost's generated types.

use std::collections::HashMap;

use bytes::Bytes;
use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{ListValue, Value};
use streeling_codec::json::{encode_float, encode_string};
use streeling_core::{Array, Elements, Layout, Message, Meta, Payload, RawJson, Table, Tensor};
use streeling_proto::seldon::protos as pb;

/// Bytes to prost's types.
pub(crate) fn parse(body: &Bytes) -> pb::SeldonMessage {
    pb::SeldonMessage::decode(body.clone()).expect("the body is a message")
}

/// Bytes to a message.
pub(crate) fn read(body: &Bytes) -> Message {
    let message = parse(body);
    let Some(pb::seldon_message::DataOneof::Data(data)) = message.data_oneof else {
        panic!("every case has an array");
    };
    let (layout, tensor) = match data.data_oneof {
        Some(pb::default_data::DataOneof::Tensor(tensor)) => {
            let shape = tensor.shape.into_iter().map(side).collect();
            (Layout::Flat, Tensor::from_vec(shape, tensor.values))
        }
        Some(pb::default_data::DataOneof::Ndarray(list)) => {
            let mut found = Nested::default();
            found.list(&list, 0);
            (
                Layout::Nested,
                Tensor::from_vec(found.shape, found.elements),
            )
        }
        _ => panic!("every case has a tensor or an ndarray"),
    };
    Message {
        status: None,
        meta: message.meta.map(meta_of).unwrap_or_default(),
        payload: Payload::Array(Array {
            names: data.names.into(),
            layout,
            elements: Elements::Typed(tensor.expect("the shape fits")),
        }),
    }
}

/// A message to prost's types.
pub(crate) fn convert(message: &Message) -> pb::SeldonMessage {
    let Payload::Array(array) = &message.payload else {
        panic!("every case has an array");
    };
    let Elements::Typed(tensor) = &array.elements else {
        panic!("every case has numbers");
    };
    let values = tensor.to_vec().expect("all numbers are float64");
    let data = match array.layout {
        Layout::Flat => {
            let sides = tensor.shape().iter().map(|&side| i32::try_from(side));
            pb::default_data::DataOneof::Tensor(pb::Tensor {
                shape: sides.collect::<Result<_, _>>().expect("short sides"),
                values,
            })
        }
        _ => pb::default_data::DataOneof::Ndarray(nested(tensor.shape(), &mut values.into_iter())),
    };
    pb::SeldonMessage {
        status: None,
        meta: Some(pb_meta(&message.meta)),
        data_oneof: Some(pb::seldon_message::DataOneof::Data(pb::DefaultData {
            names: array.names.iter().map(Into::into).collect(),
            data_oneof: Some(data),
        })),
    }
}

/// A message to bytes.
pub(crate) fn write(message: &Message) -> Vec<u8> {
    convert(message).encode_to_vec()
}

fn side(side: i32) -> usize {
    usize::try_from(side).expect("no side is negative")
}

fn meta_of(meta: pb::Meta) -> Meta {
    let tags = meta.tags.into_iter().map(|(key, value)| {
        let mut text = Vec::new();
        json_of(&value, &mut text);
        (key, RawJson::from_checked(text.into()))
    });
    assert!(meta.metrics.is_empty(), "no case has metrics");
    Meta {
        id: Some(meta.puid).filter(|id| !id.is_empty()),
        tags: tags.collect(),
        routing: meta.routing.into_iter().collect(),
        path: meta.request_path.into_iter().collect(),
        ..Meta::default()
    }
}

fn pb_meta(meta: &Meta) -> pb::Meta {
    fn map<T, U>(table: &Table<T>, value: impl Fn(&T) -> U) -> HashMap<String, U> {
        let entries = table.iter();
        entries.map(|(key, v)| (key.into(), value(v))).collect()
    }
    pb::Meta {
        puid: meta.id.clone().unwrap_or_default(),
        tags: map(&meta.tags, value_of),
        routing: map(&meta.routing, |branch| *branch),
        request_path: map(&meta.path, String::clone),
        metrics: Vec::new(),
    }
}

/// The JSON of a value; the cases have no objects.
fn json_of(value: &Value, text: &mut Vec<u8>) {
    match &value.kind {
        None | Some(Kind::NullValue(_)) => text.extend_from_slice(b"null"),
        Some(Kind::BoolValue(value)) => text.extend_from_slice(value.to_string().as_bytes()),
        Some(Kind::NumberValue(number)) => encode_float(*number, text),
        Some(Kind::StringValue(string)) => encode_string(string, text),
        Some(other) => panic!("no case has {other:?}"),
    }
}

/// The value of JSON text; the cases have only strings without escapes.
fn value_of(json: &RawJson) -> Value {
    let text = std::str::from_utf8(json.as_bytes()).expect("JSON is UTF-8");
    let string = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    Value {
        kind: Some(Kind::StringValue(string.expect("a string").to_owned())),
    }
}

/// Lists of lists of numbers, as one.
#[derive(Default)]
struct Nested {
    shape: Vec<usize>,
    elements: Vec<f64>,
}

impl Nested {
    fn list(&mut self, list: &ListValue, level: usize) {
        if self.shape.len() == level {
            self.shape.push(list.values.len());
        }
        assert_eq!(self.shape[level], list.values.len(), "a regular array");
        if level == 0 {
            self.elements.reserve(list.values.len());
        }
        for value in &list.values {
            match &value.kind {
                Some(Kind::NumberValue(number)) => self.elements.push(*number),
                Some(Kind::ListValue(inner)) => self.list(inner, level + 1),
                other => panic!("no case has {other:?}"),
            }
        }
    }
}

fn nested(sides: &[usize], elements: &mut impl Iterator<Item = f64>) -> ListValue {
    let value = |kind| Value { kind: Some(kind) };
    let (&side, inner) = sides.split_first().expect("no case is a scalar");
    let values = match inner {
        [] => elements
            .take(side)
            .map(|number| value(Kind::NumberValue(number)))
            .collect(),
        _ => (0..side)
            .map(|_| value(Kind::ListValue(nested(inner, elements))))
            .collect(),
    };
    ListValue { values }
}
