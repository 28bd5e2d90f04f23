//! Requests read, responses written, and both against what is random.

mod binary;
mod graph;
mod properties;
mod reading;
mod writing;

use bytes::Bytes;
use streeling_core::{DType, Error, ErrorKind, Meter, RawJson, Tensor};

use super::super::{InferRequest, NamedTensor, Parameters, Served};
use super::decode;

fn read(json: &str) -> Result<InferRequest, Error> {
    decode(&Bytes::from(json.to_owned()), None, &Meter::unlimited())
}

/// A request of one input.
fn one(datatype: &str, shape: &str, data: &str) -> Result<Tensor, Error> {
    let input = format!(r#"{{"name":"x","datatype":"{datatype}","shape":{shape},"data":{data}}}"#);
    let mut request = read(&format!(r#"{{"inputs":[{input}]}}"#))?;
    Ok(request.inputs.remove(0).tensor)
}

/// What is wrong with a request.
fn wrong(request: Result<InferRequest, Error>) -> String {
    let error = request.unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData, "{error}");
    error.info
}

fn served() -> Served {
    Served {
        name: "iris".to_owned(),
        version: None,
    }
}

fn parameters(entries: &[(&str, &str)]) -> Parameters {
    let entries = entries.iter().map(|(name, value)| {
        let value = RawJson::from_checked((*value).to_owned().into());
        ((*name).to_owned(), value)
    });
    entries.collect()
}

fn named(name: &str, tensor: Tensor) -> NamedTensor {
    NamedTensor {
        name: name.to_owned(),
        parameters: Parameters::new(),
        tensor,
    }
}

fn texts(shape: &[usize], elements: &[&str]) -> Tensor {
    let tensor = Tensor::from_byte_elements(shape.to_vec(), elements).unwrap();
    assert_eq!(tensor.dtype(), DType::Bytes);
    tensor
}
