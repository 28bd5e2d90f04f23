//! The names of columns in a reply.

use bytes::Bytes;
use serde_json::Value;
use streeling_codec::seldon::json;
use streeling_core::{Encoding, Error, ErrorKind, Names, RawJson};

/// The names that the component itself gives, if it gives any.
pub(crate) fn own_names(text: Bytes, encoding: Encoding) -> Result<Option<Names>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(names) = json::decode_names(&text) {
        return Ok(Some(names.into()));
    }
    if encoding == Encoding::Json {
        return Ok(Some(Names::Json(RawJson::from_checked(text))));
    }
    // Protobuf has nothing but strings: what Python makes of the value when it goes over it.
    let names = match serde_json::from_slice(&text) {
        Ok(Value::Null) => Names::new(),
        Ok(Value::String(text)) => text.chars().collect(),
        Ok(Value::Object(names)) => names.into_iter().map(|(name, _)| name).collect(),
        Ok(Value::Array(names)) => names.into_iter().map(name).collect(),
        // Or text that protobuf cannot hold.
        Ok(Value::Bool(_) | Value::Number(_)) | Err(_) => {
            let text = String::from_utf8_lossy(&text);
            let over = match encoding {
                Encoding::Json | Encoding::Protobuf => " over gRPC",
                Encoding::Tensors => "",
            };
            let info = format!("class_names must be a list of strings{over}, not {text}");
            return Err(Error::new(ErrorKind::Component, info));
        }
    };
    Ok(Some(names))
}

fn name(value: Value) -> String {
    match value {
        Value::String(name) => name,
        other => other.to_string(),
    }
}
