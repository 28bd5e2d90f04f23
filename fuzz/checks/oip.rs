//! What holds for the decoders of the Open Inference Protocol whatever bytes they are given. Shared
//! by the fuzz target and by the test that replays its corpus.

use bytes::Bytes;
use streeling_codec::oip::json::{self, Form};
use streeling_codec::oip::{self, InferRequest, InferResponse, Served, v1};
use streeling_core::{Error, ErrorKind, Meter};

/// Passes `input` to every decoder: as JSON alone, and as JSON with raw tensors behind it, where
/// the first two bytes are the length of the JSON. What is a request must come out of the encoder
/// in either form as a response that is a request again, with the same tensors.
pub(crate) fn check(input: &[u8]) {
    let memory = Meter::unlimited();
    let whole = Bytes::copy_from_slice(input);
    request(json::decode(&whole, None, &memory));
    if let Some((length, rest)) = input.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (text, binary) = rest.split_at(length);
        let (text, binary) = (Bytes::copy_from_slice(text), Bytes::copy_from_slice(binary));
        request(json::decode(&text, Some(binary), &memory));
    }
    said(json::decode_messages(&whole, &memory));
    said(json::decode_feedback(&whole, &memory));
    if let Some(message) = said(v1::decode(&whole, &memory)) {
        said(v1::encode(&message, &mut Vec::new()));
    }
}

fn request(decoded: Result<InferRequest, Error>) {
    let Some(mut request) = said(decoded) else {
        return;
    };
    said(Form::take(&mut request.clone()));
    request.outputs.clear();
    let is_text = request.inputs.iter().all(|input| {
        let mut elements = input.tensor.byte_elements();
        elements.all(|element| std::str::from_utf8(element).is_ok())
    });
    for is_binary in [false, true] {
        if !is_binary && !is_text {
            // JSON has no such strings; a component's bytes are base64 there.
            continue;
        }
        let again = turned(&request, is_binary);
        // What is no number is not even itself.
        let bytes = |request: &InferRequest| -> Vec<_> {
            let inputs = request.inputs.iter();
            inputs
                .map(|input| (input.name.clone(), input.tensor.data().len()))
                .collect()
        };
        assert_eq!(bytes(&again), bytes(&request));
        if is_binary {
            assert_eq!(again.inputs.len(), request.inputs.len());
            let pairs = again.inputs.iter().zip(&request.inputs);
            for (again, before) in pairs {
                assert_eq!(again.tensor, before.tensor);
            }
        }
    }
    if let Some(message) = said(oip::message(request, &Meter::unlimited())) {
        said(v1::encode(&message, &mut Vec::new()));
        said(oip::response(message, &[]));
    }
}

/// A response of a request's tensors, read as a request.
fn turned(request: &InferRequest, is_binary: bool) -> InferRequest {
    let wish = if is_binary { &b"true"[..] } else { b"false" };
    let wish = streeling_core::RawJson::from_checked(Bytes::from_static(wish));
    let mut wishes = InferRequest::default();
    wishes
        .parameters
        .insert("binary_data_output".to_owned(), wish);
    let form = Form::take(&mut wishes).expect("it is a boolean");
    let served = Served {
        name: "inputs".to_owned(),
        version: None,
    };
    let response = InferResponse {
        id: request.id.clone(),
        outputs: request.inputs.clone(),
        ..InferResponse::default()
    };
    let mut out = Vec::new();
    let length = json::encode(&response, &served, &form, &mut out);
    let binary = Bytes::from(out.split_off(length.unwrap_or(out.len())));
    let text = String::from_utf8(out).expect("JSON is UTF-8");
    let text = text.replacen(",\"outputs\":[", ",\"inputs\":[", 1);
    let text = Bytes::from(text);
    json::decode(&text, length.map(|_| binary), &Meter::unlimited())
        .unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// What came out, if there is no error; those must say something, and be somebody's fault.
fn said<T>(result: Result<T, Error>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(!error.info.is_empty());
            assert!(
                matches!(error.kind, ErrorKind::BadData | ErrorKind::Component),
                "{error:?}"
            );
            None
        }
    }
}
