//! The short messages.

use super::super::{
    ModelMetadata, ModelName, ModelState, Server, TensorMetadata, decode_index, decode_model,
    decode_repository_model, encode_flag, encode_index, encode_model, encode_server,
};
use super::*;
use pb::model_metadata_response::TensorMetadata as PbTensor;
use pb::repository_index_response::ModelIndex;

fn by_prost<M: prost::Message + Default>(write: impl FnOnce(&mut Vec<u8>)) -> M {
    let mut out = Vec::new();
    write(&mut out);
    M::decode(&*out).unwrap()
}

#[test]
fn names_are_read() {
    let wanted = pb::ModelReadyRequest {
        name: "m".to_owned(),
        version: "é".to_owned(),
    };
    let body = wanted.encode_to_vec();
    let model = ModelName {
        name: "m",
        version: "é",
    };
    assert_eq!(decode_model(&body), Ok(model));
    assert_eq!(decode_model(b""), Ok(ModelName::default()));
    // In another wire type it is an unknown field.
    assert_eq!(decode_model(b"\x08\x01"), Ok(ModelName::default()));
    let error = decode_model(b"\x0a\x02a\xff").unwrap_err();
    assert_eq!(
        error.info,
        "no valid protobuf at name (byte 3): text that is not UTF-8"
    );
    assert!(decode_model(b"\x0a\x02a").is_err());

    let value = pb::ModelRepositoryParameter::default();
    let wanted = pb::RepositoryModelLoadRequest {
        repository_name: "r".to_owned(),
        model_name: "m".to_owned(),
        parameters: [("config".to_owned(), value)].into(),
    };
    assert_eq!(decode_repository_model(&wanted.encode_to_vec()), Ok("m"));
    let wanted = pb::RepositoryIndexRequest {
        repository_name: "r".to_owned(),
        ready: true,
    };
    assert_eq!(decode_index(&wanted.encode_to_vec()), Ok(true));
    assert_eq!(decode_index(b""), Ok(false));
}

#[test]
fn prost_reads_what_is_written() {
    for value in [true, false] {
        let found: pb::ServerLiveResponse = by_prost(|out| encode_flag(value, out));
        assert_eq!(found.live, value);
        let found: pb::ServerReadyResponse = by_prost(|out| encode_flag(value, out));
        assert_eq!(found.ready, value);
        let found: pb::ModelReadyResponse = by_prost(|out| encode_flag(value, out));
        assert_eq!(found.ready, value);
    }
    let server = Server {
        name: "s",
        version: "1.2",
        extensions: &["a", "b"],
    };
    let found: pb::ServerMetadataResponse = by_prost(|out| encode_server(&server, out));
    assert_eq!((found.name.as_str(), found.version.as_str()), ("s", "1.2"));
    assert_eq!(found.extensions, ["a", "b"]);
}

#[test]
fn metadata_and_index_are_written() {
    let tensor = TensorMetadata {
        name: "x".to_owned(),
        datatype: "FP32".to_owned(),
        shape: vec![-1, 300],
    };
    let model = ModelMetadata {
        name: "m".to_owned(),
        versions: vec!["1".to_owned(), String::new()],
        platform: "p".to_owned(),
        inputs: vec![tensor],
        outputs: vec![TensorMetadata::default()],
    };
    let found: pb::ModelMetadataResponse = by_prost(|out| encode_model(&model, out));
    let expected = pb::ModelMetadataResponse {
        name: "m".to_owned(),
        versions: vec!["1".to_owned(), String::new()],
        platform: "p".to_owned(),
        inputs: vec![PbTensor {
            name: "x".to_owned(),
            datatype: "FP32".to_owned(),
            shape: vec![-1, 300],
        }],
        outputs: vec![PbTensor::default()],
    };
    assert_eq!(found, expected);
    let state = ModelState {
        model: ModelName {
            name: "m",
            version: "1",
        },
        state: "READY",
        reason: "",
    };
    let found: pb::RepositoryIndexResponse = by_prost(|out| encode_index(&[state], out));
    let expected = ModelIndex {
        name: "m".to_owned(),
        version: "1".to_owned(),
        state: "READY".to_owned(),
        reason: String::new(),
    };
    assert_eq!(found.models, [expected]);
}
