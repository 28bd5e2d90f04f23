//! The component's metadata as a protobuf message.

use prost::Message as _;
use serde_json::Value;
use streeling_core::{Error, ErrorKind, Payload, RawJson, Result};
use streeling_proto::seldon::protos::{SeldonMessageMetadata, SeldonModelMetadata};

/// Appends metadata as a message of its own; it is never the payload of one.
pub(super) fn encode(metadata: &Payload, out: &mut Vec<u8>) -> Result<()> {
    let Payload::Json(json) = metadata else {
        let text = "the component's metadata is no JSON";
        return Err(Error::new(ErrorKind::Internal, text));
    };
    message(json)?
        .encode(out)
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))
}

/// Turns validated metadata (JSON of `SeldonModelMetadata`) into the message.
fn message(metadata: &RawJson) -> Result<SeldonModelMetadata> {
    let value: Value = serde_json::from_slice(metadata.as_bytes()).map_err(|error| {
        Error::new(
            ErrorKind::Internal,
            format!("the component's metadata is no JSON: {error}"),
        )
    })?;
    Ok(SeldonModelMetadata {
        name: text(&value["name"]),
        versions: list(&value["versions"], text),
        platform: text(&value["platform"]),
        inputs: list(&value["inputs"], tensor),
        outputs: list(&value["outputs"], tensor),
        custom: value["custom"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
    })
}

fn tensor(value: &Value) -> SeldonMessageMetadata {
    SeldonMessageMetadata {
        messagetype: text(&value["messagetype"]),
        schema: value.get("schema").map(protobuf),
        name: text(&value["name"]),
        datatype: text(&value["datatype"]),
        shape: list(&value["shape"], |side| side.as_i64().unwrap_or_default()),
    }
}

/// Text as it is; anything else, where text is expected, as JSON.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn list<T>(value: &Value, item: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(item).collect()
}

fn protobuf(value: &Value) -> prost_types::Value {
    use prost_types::value::Kind;

    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(values) => Kind::ListValue(prost_types::ListValue {
            values: values.iter().map(protobuf).collect(),
        }),
        Value::Object(fields) => Kind::StructValue(prost_types::Struct {
            fields: fields
                .iter()
                .map(|(key, value)| (key.clone(), protobuf(value)))
                .collect(),
        }),
    };
    prost_types::Value { kind: Some(kind) }
}
