//! Messages of protobuf as JSON: requests from it, responses to it.

use prost::Message as _;
use prost::encoding::{self, WireType};
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    MethodDescriptor, ReflectMessage as _, Value,
};
use streeling_proto::{FILE_DESCRIPTOR_SET, inference};

use crate::json::Json;

/// The package of the services that are named without one.
const PACKAGE: &str = "seldon.protos";

/// What the services' messages look like.
#[derive(Clone, Debug)]
pub struct Messages {
    pool: DescriptorPool,
}

impl Messages {
    /// Those of Seldon's protocol and of the Open Inference Protocol.
    ///
    /// # Panics
    ///
    /// Never: the descriptors are part of the program, and a test reads them.
    #[must_use]
    pub fn new() -> Self {
        let mut pool = DescriptorPool::global();
        for set in [FILE_DESCRIPTOR_SET, inference::FILE_DESCRIPTOR_SET] {
            pool.decode_file_descriptor_set(set)
                .expect("the generated descriptors can be read");
        }
        Self { pool }
    }

    /// The bytes of a request, from protobuf's JSON of it.
    ///
    /// # Errors
    ///
    /// The service, the method or a field is not there, or has another type.
    pub fn request(&self, call: &str, json: &serde_json::Value) -> Result<Vec<u8>, String> {
        let method = self.method(call)?;
        // An `Any` of an unknown type can be sent as bytes only.
        DynamicMessage::deserialize(method.input(), json)
            .map(|message| message.encode_to_vec())
            .map_err(|error| format!("message of {call}: {error}"))
    }

    /// A response as JSON: every field that is present and no other. Numbers of floating point are
    /// floats, bytes base64, an `Any` its two fields.
    ///
    /// # Errors
    ///
    /// The method is not there, or the bytes are no message of its type.
    pub fn response(&self, call: &str, bytes: &[u8]) -> Result<Json, String> {
        let kind = self.method(call)?.output();
        let message = DynamicMessage::decode(kind, bytes)
            .map_err(|error| format!("the response to {call} cannot be decoded: {error}"))?;
        Ok(plain(&message))
    }

    /// The bytes of a request as JSON, in the same form.
    ///
    /// # Errors
    ///
    /// As for a response.
    pub(crate) fn sent(&self, call: &str, bytes: &[u8]) -> Result<Json, String> {
        let kind = self.method(call)?.input();
        let message = DynamicMessage::decode(kind, bytes)
            .map_err(|error| format!("the request of {call} cannot be decoded: {error}"))?;
        Ok(plain(&message))
    }

    /// The bytes of a `Feedback`, from those of the two messages in it.
    pub(crate) fn feedback(request: &[u8], response: &[u8], reward: f32) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (tag, message) in [(1, request), (2, response)] {
            encoding::encode_key(tag, WireType::LengthDelimited, &mut bytes);
            encoding::encode_varint(message.len() as u64, &mut bytes);
            bytes.extend_from_slice(message);
        }
        encoding::float::encode(3, &reward, &mut bytes);
        bytes
    }

    /// The full name of the type of message that a call takes, if there is such a call.
    pub(crate) fn input(&self, call: &str) -> Option<String> {
        let method = self.method(call).ok()?;
        Some(method.input().full_name().to_owned())
    }

    fn method(&self, call: &str) -> Result<MethodDescriptor, String> {
        let (service, method) = call
            .split_once('/')
            .ok_or_else(|| format!("call \"{call}\", must be Service/Method"))?;
        let name = full_name(service);
        let service = self
            .pool
            .get_service_by_name(&name)
            .ok_or_else(|| format!("no service {name} in call \"{call}\""))?;
        let found = service.methods().find(|known| known.name() == method);
        found.ok_or_else(|| {
            let known: Vec<_> = service
                .methods()
                .map(|known| known.name().to_owned())
                .collect();
            format!(
                "no method {method} in {name}, there are {}",
                known.join(", ")
            )
        })
    }
}

impl Default for Messages {
    fn default() -> Self {
        Self::new()
    }
}

/// The path of a call in HTTP/2.
pub(crate) fn path(call: &str) -> String {
    match call.split_once('/') {
        Some((service, method)) => format!("/{}/{method}", full_name(service)),
        None => format!("/{call}"),
    }
}

fn full_name(service: &str) -> String {
    if service.contains('.') {
        service.to_owned()
    } else {
        format!("{PACKAGE}.{service}")
    }
}

fn plain(message: &DynamicMessage) -> Json {
    let kind: MessageDescriptor = message.descriptor();
    match kind.full_name() {
        "google.protobuf.Value" => return plain_value(message),
        "google.protobuf.ListValue" => {
            return only_field(message, "values", Json::Array(Vec::new()));
        }
        "google.protobuf.Struct" => return only_field(message, "fields", Json::Object(Vec::new())),
        _ => {}
    }
    let present = message.fields();
    Json::Object(
        present
            .map(|(field, value)| (field.name().to_owned(), plain_field(&field, value)))
            .collect(),
    )
}

fn only_field(message: &DynamicMessage, name: &str, absent: Json) -> Json {
    let Some(field) = message.descriptor().get_field_by_name(name) else {
        return absent;
    };
    plain_field(&field, &message.get_field(&field))
}

/// A `Value`; one of no kind is not `null`.
fn plain_value(message: &DynamicMessage) -> Json {
    match message.fields().next() {
        None => Json::Object(vec![("@kind".to_owned(), Json::Null)]),
        Some((field, _)) if field.name() == "null_value" => Json::Null,
        Some((field, value)) => plain_field(&field, value),
    }
}

fn plain_field(field: &FieldDescriptor, value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::I32(number) => Json::Int(number.to_string()),
        Value::I64(number) => Json::Int(number.to_string()),
        Value::U32(number) => Json::Int(number.to_string()),
        Value::U64(number) => Json::Int(number.to_string()),
        Value::F32(number) => Json::Float((*number).into()),
        Value::F64(number) => Json::Float(*number),
        Value::String(text) => Json::Text(text.clone()),
        Value::Bytes(bytes) => Json::Text(base64(bytes)),
        Value::EnumNumber(number) => enum_name(field, *number),
        Value::Message(message) => plain(message),
        Value::List(items) => {
            Json::Array(items.iter().map(|item| plain_field(field, item)).collect())
        }
        Value::Map(map) => {
            let inner = match field.kind() {
                Kind::Message(entry) => entry.map_entry_value_field(),
                _ => field.clone(),
            };
            let mut fields: Vec<_> = map
                .iter()
                .map(|(key, value)| (key_text(key), plain_field(&inner, value)))
                .collect();
            fields.sort_by(|(one, _), (two, _)| one.cmp(two));
            Json::Object(fields)
        }
    }
}

fn enum_name(field: &FieldDescriptor, number: i32) -> Json {
    let named = match field.kind() {
        Kind::Enum(kind) => kind.get_value(number),
        _ => None,
    };
    match named {
        Some(value) => Json::Text(value.name().to_owned()),
        None => Json::Int(number.to_string()),
    }
}

fn key_text(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_goes_there_and_back() {
        let messages = Messages::new();
        let message = json!({
            "meta": {"puid": "p", "tags": {"b": null, "a": [1, "x"]}, "routing": {"r": -1},
                     "metrics": [{"key": "m", "type": "TIMER", "value": 0.5}]},
            "data": {"names": ["é"], "tensor": {"shape": [1, 2], "values": [1, 2.5]}},
        });
        let bytes = messages.request("Model/Predict", &message).unwrap();
        let shown = messages.response("Model/Predict", &bytes).unwrap();
        let expected = r#"{"meta":{"puid":"p","tags":{"a":[1.0,"x"],"b":null},"routing":{"r":-1},
            "metrics":[{"key":"m","type":"TIMER","value":0.5}]},
            "data":{"names":["é"],"tensor":{"shape":[1,2],"values":[1.0,2.5]}}}"#;
        let mut found = Vec::new();
        let expected = Json::parse(expected).unwrap();
        expected.mismatches(&shown, crate::Rules::default(), "$", &mut found);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn feedback_holds_both_messages() {
        let messages = Messages::new();
        let text = |text: &str| {
            let message = json!({"strData": text});
            messages.request("Model/Predict", &message).unwrap()
        };
        let bytes = Messages::feedback(&text("a"), &text("b"), 0.5);
        let shown = messages
            .sent("Model/SendFeedback", &bytes)
            .unwrap()
            .to_string();
        let expected = r#"{"request":{"strData":"a"},"response":{"strData":"b"},"reward":0.5}"#;
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_is_not_there_is_named() {
        let messages = Messages::new();
        let error = |call, message| messages.request(call, &message).unwrap_err();
        assert!(error("Predict", json!({})).contains("must be Service/Method"));
        assert!(error("Odd/Predict", json!({})).contains("no service seldon.protos.Odd"));
        assert!(
            error("Model/Odd", json!({})).contains("there are Predict, SendFeedback, Metadata")
        );
        assert!(error("Model/Predict", json!({"odd": 1})).contains("odd"));
        assert!(messages.response("Model/Predict", b"\xff").is_err());
    }
}
