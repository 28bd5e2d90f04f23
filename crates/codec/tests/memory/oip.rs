//! Requests of the Open Inference Protocol as protobuf.

use bytes::Bytes;
use prost::Message as _;
use streeling_codec::oip::proto::decode_request;
use streeling_proto::inference::infer_parameter::ParameterChoice;
use streeling_proto::inference::model_infer_request::{
    InferInputTensor, InferRequestedOutputTensor,
};
use streeling_proto::inference::{InferParameter, InferTensorContents, ModelInferRequest};

use super::{Case, Decode, LIST, PAYLOAD, UNITS, case, is_ok};

/// A request of inputs with this datatype, and contents that may be shared.
fn request(inputs: usize, datatype: &str, contents: InferTensorContents) -> ModelInferRequest {
    let count = match datatype {
        "INT64" => contents.int64_contents.len(),
        "BYTES" => contents.bytes_contents.len(),
        _ => 1,
    };
    let input = InferInputTensor {
        name: "x".to_owned(),
        datatype: datatype.to_owned(),
        shape: vec![i64::try_from(count).expect("a small number")],
        contents: Some(contents),
        ..InferInputTensor::default()
    };
    ModelInferRequest {
        inputs: vec![input; inputs],
        ..ModelInferRequest::default()
    }
}

fn with_parameters(parameters: impl Iterator<Item = (String, String)>) -> ModelInferRequest {
    let parameters = parameters.map(|(key, text)| {
        let choice = Some(ParameterChoice::StringParam(text));
        let value = InferParameter {
            parameter_choice: choice,
        };
        (key, value)
    });
    ModelInferRequest {
        parameters: parameters.collect(),
        ..ModelInferRequest::default()
    }
}

fn raw(datatype: &str) -> ModelInferRequest {
    let mut request = request(1, datatype, InferTensorContents::default());
    request.inputs[0].shape = vec![i64::try_from(UNITS).expect("a small number")];
    request.raw_input_contents = vec![vec![1; 2 * UNITS].into()];
    request
}

pub(super) fn cases() -> Vec<Case> {
    let decodes: Decode = |body, meter, seen| is_ok(&decode_request(body, meter), seen);
    let fails: Decode = |body, meter, seen| !is_ok(&decode_request(body, meter), seen);
    let many = |unit: &[u8]| -> Bytes { unit.repeat(UNITS).into() };
    let written = |request: &ModelInferRequest| -> Bytes { request.encode_to_vec().into() };
    let integers = InferTensorContents {
        int64_contents: vec![1; UNITS],
        ..InferTensorContents::default()
    };
    let empty = InferTensorContents {
        bytes_contents: vec![Bytes::new(); UNITS],
        ..InferTensorContents::default()
    };
    let one = InferTensorContents {
        bool_contents: vec![true],
        ..InferTensorContents::default()
    };
    let output = InferRequestedOutputTensor {
        name: "y".to_owned(),
        ..InferRequestedOutputTensor::default()
    };
    let outputs = ModelInferRequest {
        outputs: vec![output; UNITS],
        ..ModelInferRequest::default()
    };
    let mut sides = request(1, "BOOL", InferTensorContents::default());
    sides.inputs[0].shape = vec![1; UNITS];
    let keys = with_parameters((0..UNITS).map(|key| (format!("{key:x}"), String::new())));
    let text = with_parameters([("k".to_owned(), "\u{1}".repeat(UNITS))].into_iter());
    let integers = written(&request(1, "INT64", integers));
    let empty = written(&request(1, "BYTES", empty));
    let inputs = written(&request(UNITS, "BOOL", one));
    vec![
        case("V2: empty inputs", many(&[5 << 3 | 2, 0]), LIST, fails),
        case("V2: empty outputs", many(&[6 << 3 | 2, 0]), LIST, fails),
        case("V2: empty raw", many(&[7 << 3 | 2, 0]), LIST, fails),
        case(
            "V2: empty parameters",
            many(&[4 << 3 | 2, 0]),
            PAYLOAD,
            decodes,
        ),
        case("V2: inputs of one", inputs, LIST, decodes),
        case("V2: outputs", written(&outputs), LIST, decodes),
        case("V2: parameters", written(&keys), LIST, decodes),
        case("V2: control characters", written(&text), PAYLOAD, decodes),
        case("V2: sides", written(&sides), PAYLOAD, fails),
        case("V2: packed integers", integers, PAYLOAD, decodes),
        case("V2: elements of no bytes", empty, PAYLOAD, decodes),
        case("V2: raw BF16", written(&raw("BF16")), PAYLOAD, decodes),
        case("V2: raw FP16", written(&raw("FP16")), PAYLOAD, decodes),
    ]
}
