//! What holds for the protobuf decoders of the Open Inference Protocol whatever bytes they are
//! given. Shared by the fuzz target and by the test that replays its corpus.

use bytes::Bytes;
use streeling_codec::oip::proto::{self, ModelInfer};
use streeling_codec::oip::{self, InferResponse, NamedTensor, Served};
use streeling_core::{DType, ErrorKind, Meter, Result};

/// Bytes of a field of raw elements before its length.
const TAG: usize = 1;

/// The tags of raw elements, in a response and in a request.
const RAW_OUTPUT: u8 = 6 << 3 | 2;
const RAW_INPUT: u8 = 7 << 3 | 2;

/// Passes `input` to every decoder. The inputs of a request that one accepts must come out of the
/// encoder, typed and raw, in a form that is the same request again.
pub(crate) fn check(input: &[u8]) {
    for refused in [
        proto::decode_model(input).err(),
        proto::decode_repository_model(input).err(),
        proto::decode_index(input).err(),
    ] {
        assert!(refused.is_none_or(|error| error.kind == ErrorKind::BadData));
    }
    let Some(found) = read(input) else {
        return;
    };
    let inputs = found.request.inputs.clone();
    if inputs
        .iter()
        .all(|input| input.tensor.dtype() != DType::F16)
    {
        assert_same(&written(&found, false), &inputs);
    }
    let mut raw = written(&found, true);
    as_inputs(&mut raw, &inputs);
    assert_same(&raw, &inputs);
    let outputs = found.request.outputs.clone();
    match oip::message(found.request, &Meter::unlimited()) {
        Ok(message) => says_why(oip::response(message, &outputs)),
        Err(error) => assert_eq!(error.kind, ErrorKind::BadData, "{error}"),
    }
}

/// The request that these bytes are.
fn read(input: &[u8]) -> Option<ModelInfer> {
    match proto::decode_request(&Bytes::copy_from_slice(input), &Meter::unlimited()) {
        Ok(found) => Some(found),
        Err(error) => {
            assert_eq!(error.kind, ErrorKind::BadData, "{error}");
            assert!(!error.info.is_empty());
            None
        }
    }
}

/// A response with what went in.
fn written(found: &ModelInfer, is_raw: bool) -> Vec<u8> {
    let served = Served {
        name: found.model.clone(),
        version: Some(found.version.clone()),
    };
    let response = InferResponse {
        id: found.request.id.clone(),
        parameters: found.request.parameters.clone(),
        outputs: found.request.inputs.clone(),
    };
    let mut out = Vec::new();
    let result = proto::encode_response(&served, &response, is_raw, &mut out);
    result.expect("texts that were read are Unicode");
    out
}

/// Makes the raw outputs at the end of a response the raw inputs of a request: all else has the
/// same numbers in both.
fn as_inputs(response: &mut [u8], tensors: &[NamedTensor]) {
    let mut at = response.len();
    for tensor in tensors.iter().rev() {
        let length = tensor.tensor.data().len();
        let digits = (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize;
        at -= TAG + digits + length;
        assert_eq!(response[at], RAW_OUTPUT);
        response[at] = RAW_INPUT;
    }
}

fn assert_same(body: &[u8], inputs: &[NamedTensor]) {
    let again = read(body).unwrap_or_else(|| panic!("{body:02x?}"));
    let tensors = again
        .request
        .inputs
        .iter()
        .map(|input| (&input.name, &input.tensor));
    assert!(tensors.eq(inputs.iter().map(|input| (&input.name, &input.tensor))));
}

fn says_why<T>(result: Result<T>) {
    if let Err(error) = result {
        let is_expected = matches!(error.kind, ErrorKind::BadData | ErrorKind::Component);
        assert!(is_expected && !error.info.is_empty(), "{error:?}");
    }
}
