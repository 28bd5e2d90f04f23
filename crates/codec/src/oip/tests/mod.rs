//! What a component is given, and what becomes of its response.

mod inputs;
mod outputs;

use streeling_core::{DType, Error, Meter, Payload, RawJson, Tensor};

use super::{InferRequest, NamedTensor, Parameters, message};

fn json(text: &str) -> RawJson {
    RawJson::from_checked(text.to_owned().into())
}

fn parameters(entries: &[(&str, &str)]) -> Parameters {
    let entries = entries.iter();
    entries
        .map(|(name, value)| ((*name).to_owned(), json(value)))
        .collect()
}

fn floats(shape: &[usize]) -> Tensor {
    let count = shape.iter().product();
    let values = (0..count).map(|value| value as f32 / 2.0).collect();
    Tensor::from_vec::<f32>(shape.to_vec(), values).unwrap()
}

fn bytes(shape: &[usize], elements: &[&[u8]]) -> Tensor {
    let tensor = Tensor::from_byte_elements(shape.to_vec(), elements).unwrap();
    assert_eq!(tensor.dtype(), DType::Bytes);
    tensor
}

fn input(name: &str, tensor: Tensor) -> NamedTensor {
    NamedTensor {
        name: name.to_owned(),
        parameters: Parameters::new(),
        tensor,
    }
}

fn said(content: &str, tensor: Tensor) -> NamedTensor {
    NamedTensor {
        parameters: parameters(&[("content_type", &format!("\"{content}\""))]),
        ..input("x", tensor)
    }
}

fn given(inputs: Vec<NamedTensor>) -> Result<Payload, Error> {
    given_with(&[], inputs)
}

fn given_with(of_request: &[(&str, &str)], inputs: Vec<NamedTensor>) -> Result<Payload, Error> {
    let request = InferRequest {
        parameters: parameters(of_request),
        inputs,
        ..InferRequest::default()
    };
    message(request, &Meter::unlimited()).map(|message| message.payload)
}
