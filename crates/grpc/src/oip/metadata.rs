//! What a component says of itself, as the protocol has it.

use serde_json::Value;
use streeling_codec::oip::Served;
use streeling_codec::oip::proto::{ModelMetadata, TensorMetadata};
use streeling_core::{Error, ErrorKind, Payload, Result};

/// The metadata of a component, whose fields are those of the protocol; the name is that under
/// which the model is served, and so is the version where the component names none.
pub(super) fn of(served: &Served, metadata: &Payload) -> Result<ModelMetadata> {
    let value = match metadata {
        Payload::Json(json) => serde_json::from_slice::<Value>(json.as_bytes()).ok(),
        _ => None,
    };
    let value = value.ok_or_else(|| {
        let text = "the component's metadata is no JSON";
        Error::new(ErrorKind::Internal, text)
    })?;
    let mut versions = list(&value["versions"], text);
    // Seldon's default is one empty text, which is no version.
    versions.retain(|version| !version.is_empty());
    if versions.is_empty() {
        versions.extend(served.version.clone());
    }
    Ok(ModelMetadata {
        name: served.name.clone(),
        versions,
        platform: text(&value["platform"]),
        inputs: tensors(&value["inputs"]),
        outputs: tensors(&value["outputs"]),
    })
}

/// Those that are described as the protocol demands it: Seldon has another form, too.
fn tensors(value: &Value) -> Vec<TensorMetadata> {
    let described = value.as_array().into_iter().flatten();
    let complete = described.filter(|one| {
        one["name"].is_string() && one["datatype"].is_string() && one["shape"].is_array()
    });
    complete.map(tensor).collect()
}

fn tensor(value: &Value) -> TensorMetadata {
    TensorMetadata {
        name: text(&value["name"]),
        datatype: text(&value["datatype"]),
        shape: list(&value["shape"], |side| side.as_i64().unwrap_or(-1)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use streeling_core::RawJson;

    fn found(version: Option<&str>, json: &'static str) -> Result<ModelMetadata> {
        let served = Served {
            name: "m".to_owned(),
            version: version.map(str::to_owned),
        };
        of(&served, &Payload::Json(RawJson::from_checked(json.into())))
    }

    #[test]
    fn fields_are_those_of_the_component() {
        let json = r#"{"name": "other", "versions": ["a", 2], "platform": "p", "custom": {},
            "inputs": [{"messagetype": "tensor", "name": "x", "datatype": "FP32",
                        "shape": [-1, 4, "n"]}],
            "outputs": [{}, {"messagetype": "tensor", "schema": {"shape": [3]}}]}"#;
        let tensor = TensorMetadata {
            name: "x".to_owned(),
            datatype: "FP32".to_owned(),
            shape: vec![-1, 4, -1],
        };
        let expected = ModelMetadata {
            name: "m".to_owned(),
            versions: vec!["a".to_owned(), "2".to_owned()],
            platform: "p".to_owned(),
            inputs: vec![tensor],
            outputs: Vec::new(),
        };
        assert_eq!(found(None, json).unwrap(), expected);
        assert_eq!(found(Some("3"), json).unwrap().versions, ["a", "2"]);
        assert_eq!(found(Some("3"), "{}").unwrap().versions, ["3"]);
        let unnamed = r#"{"versions": [""]}"#;
        assert_eq!(found(Some("3"), unnamed).unwrap().versions, ["3"]);
        assert_eq!(found(None, unnamed).unwrap().versions, [""; 0]);
        let bare = found(None, "{}").unwrap();
        assert_eq!((bare.name.as_str(), bare.inputs.len()), ("m", 0));
        assert_eq!(found(None, "{").unwrap_err().kind, ErrorKind::Internal);
    }
}
