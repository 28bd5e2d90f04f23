use bytes::Bytes;
use proptest::prelude::*;
use streeling_core::{DType, Meter, Tensor};

use super::super::super::{InferRequest, InferResponse};
use super::super::{Form, decode, encode};
use super::{named, parameters, served};

/// Any tensor of any dtype; without NaN, which is not even itself.
fn tensor() -> impl Strategy<Value = Tensor> {
    let shape = proptest::collection::vec(0_usize..4, 0..4);
    (shape, 0..DType::ALL.len(), any::<u64>()).prop_map(|(shape, dtype, mut seed)| {
        let mut next = || {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963);
            seed ^ (seed >> 29)
        };
        let (dtype, count) = (DType::ALL[dtype], shape.iter().product::<usize>());
        if dtype == DType::Bytes {
            let elements: Vec<_> = (0..count)
                .map(|_| "é\"\u{1}x".repeat((next() % 4) as usize))
                .collect();
            return Tensor::from_byte_elements(shape, elements).unwrap();
        }
        let data: Vec<u8> = (0..count)
            .flat_map(|_| match dtype {
                DType::Bool => vec![(next() % 2) as u8],
                DType::F16 => ((next() % 0x7c00) as u16).to_le_bytes().to_vec(),
                DType::F32 => ((next() as i32) as f32 / 1024.0).to_le_bytes().to_vec(),
                DType::F64 => (next() as f64 * 1e-200).to_le_bytes().to_vec(),
                _ => next().to_le_bytes()[..dtype.size().unwrap()].to_vec(),
            })
            .collect();
        Tensor::new(dtype, shape, data.into()).unwrap()
    })
}

/// A response of these tensors, some of them raw, as a request for the same.
fn turned(tensors: &[Tensor], raw: bool) -> InferRequest {
    let mut request = InferRequest {
        parameters: parameters(&[("binary_data_output", if raw { "true" } else { "false" })]),
        ..InferRequest::default()
    };
    let form = Form::take(&mut request).unwrap();
    let outputs = tensors.iter().enumerate();
    let response = InferResponse {
        id: Some("é".to_owned()),
        parameters: parameters(&[("a", "1")]),
        outputs: outputs
            .map(|(index, tensor)| named(&index.to_string(), tensor.clone()))
            .collect(),
    };
    let mut out = Vec::new();
    let length = encode(&response, &served(), &form, &mut out);
    let (head, rest) = out.split_at(length.unwrap_or(out.len()));
    let json = std::str::from_utf8(head)
        .unwrap()
        .replacen("\"outputs\":", "\"inputs\":", 1);
    let rest = length.map(|_| Bytes::copy_from_slice(rest));
    decode(&Bytes::from(json), rest, &Meter::unlimited()).unwrap()
}

proptest! {
    #[test]
    fn what_goes_out_comes_in_again(
        tensors in proptest::collection::vec(tensor(), 1..4),
        raw: bool,
    ) {
        let request = turned(&tensors, raw);
        prop_assert_eq!(request.id.as_deref(), Some("é"));
        let found: Vec<_> = request.inputs.into_iter().map(|input| input.tensor).collect();
        prop_assert_eq!(found, tensors);
    }

    #[test]
    fn nothing_panics(text in "[\\[\\]{}\",:a-z0-9 .]*", binary: Vec<u8>) {
        let json = Bytes::from(format!(
            r#"{{"inputs":[{{"name":"x","datatype":"BYTES","shape":[2],
                "parameters":{{"binary_data_size":{}}},"data":{text}}}]}}"#,
            binary.len()
        ));
        let _ = decode(&json, Some(Bytes::from(binary)), &Meter::unlimited());
    }
}
