//! Tests from outside: bytes to requests, responses to bytes, held against the generated types.

mod broken;
mod parameters;
mod properties;
mod service;

use bytes::Bytes;
use prost::Message as _;
use streeling_core::{DType, ErrorKind, Meter, RawJson, Result, Tensor};
use streeling_proto::inference as pb;
use streeling_proto::inference::infer_parameter::ParameterChoice;
use streeling_proto::inference::model_infer_request::{
    InferInputTensor, InferRequestedOutputTensor,
};

use super::{ModelInfer, decode_request, encode_response};
use crate::oip::{Datatype, InferResponse, NamedTensor, Served};

fn raw_json(text: &str) -> RawJson {
    RawJson::from_checked(Bytes::copy_from_slice(text.as_bytes()))
}

/// Reads what prost wrote.
fn read(request: &pb::ModelInferRequest) -> Result<ModelInfer> {
    decode_request(&request.encode_to_vec().into(), &Meter::unlimited())
}

/// Lets prost read what was written.
fn written(response: &InferResponse, is_raw: bool) -> pb::ModelInferResponse {
    let served = Served {
        name: "m".to_owned(),
        version: Some("3".to_owned()),
    };
    let mut out = Vec::new();
    encode_response(&served, response, is_raw, &mut out).unwrap();
    pb::ModelInferResponse::decode(&*out).unwrap()
}

fn output(name: &str, tensor: Tensor) -> NamedTensor {
    NamedTensor {
        name: name.to_owned(),
        parameters: streeling_core::Table::new(),
        tensor,
    }
}

fn input(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

fn request(inputs: Vec<InferInputTensor>, raw: Vec<&'static [u8]>) -> pb::ModelInferRequest {
    pb::ModelInferRequest {
        model_name: "m".to_owned(),
        inputs,
        raw_input_contents: raw.into_iter().map(Bytes::from_static).collect(),
        ..pb::ModelInferRequest::default()
    }
}

fn parameter(choice: ParameterChoice) -> pb::InferParameter {
    pb::InferParameter {
        parameter_choice: Some(choice),
    }
}

/// A tensor of each dtype, with elements at both ends of what it can hold.
fn tensors() -> Vec<Tensor> {
    let shape = || vec![1, 3];
    let mut all = vec![
        Tensor::from_bools(shape(), vec![true, false, true]),
        Tensor::from_vec(shape(), vec![i8::MIN, -1, i8::MAX]),
        Tensor::from_vec(shape(), vec![i16::MIN, -1, i16::MAX]),
        Tensor::from_vec(shape(), vec![i32::MIN, -1, i32::MAX]),
        Tensor::from_vec(shape(), vec![i64::MIN, -1, i64::MAX]),
        Tensor::from_vec(shape(), vec![0, 1, u8::MAX]),
        Tensor::from_vec(shape(), vec![0, 1, u16::MAX]),
        Tensor::from_vec(shape(), vec![0, 1, u32::MAX]),
        Tensor::from_vec(shape(), vec![0, 1, u64::MAX]),
        Tensor::from_vec(shape(), vec![-0.0, 1.5, f32::INFINITY]),
        Tensor::from_vec(shape(), vec![-0.0, 1.5, f64::MAX]),
        Tensor::from_byte_elements(shape(), ["", "é", "abc"]),
        Tensor::new(
            DType::F16,
            shape(),
            Bytes::from_static(&[0, 60, 0, 188, 1, 0]),
        ),
    ];
    all.extend([
        Tensor::from_vec::<f32>(vec![0, 4], vec![]),
        Tensor::from_vec(vec![], vec![7_i64]),
        Tensor::from_byte_elements(vec![1], [""]),
    ]);
    all.into_iter().map(|tensor| tensor.unwrap()).collect()
}

/// An output as the same input.
fn as_input(output: pb::model_infer_response::InferOutputTensor) -> InferInputTensor {
    InferInputTensor {
        name: output.name,
        datatype: output.datatype,
        shape: output.shape,
        parameters: output.parameters,
        contents: output.contents,
    }
}

/// What comes out goes in again.
fn as_request(response: pb::ModelInferResponse) -> pb::ModelInferRequest {
    pb::ModelInferRequest {
        inputs: response.outputs.into_iter().map(as_input).collect(),
        raw_input_contents: response.raw_output_contents,
        ..pb::ModelInferRequest::default()
    }
}

#[test]
fn every_datatype_goes_there_and_back_typed_and_raw() {
    for tensor in tensors() {
        for is_raw in [true, false] {
            let response = InferResponse {
                outputs: vec![output("y", tensor.clone())],
                ..InferResponse::default()
            };
            let found = written(&response, is_raw);
            let is_half = tensor.dtype() == DType::F16;
            let raw = usize::from(is_raw || is_half);
            assert_eq!(found.raw_output_contents.len(), raw, "{tensor:?}");
            let has_contents = found.outputs[0].contents.is_some();
            let is_typed = raw == 0 && !tensor.is_empty();
            assert_eq!(has_contents, is_typed, "{tensor:?}");
            let again = read(&as_request(found)).unwrap();
            assert_eq!(again.is_raw, raw == 1);
            assert_eq!(again.request.inputs, response.outputs, "{is_raw}");
        }
    }
}

#[test]
fn one_half_precision_output_makes_all_of_them_raw() {
    let half = Tensor::new(DType::F16, vec![1], Bytes::from_static(&[0, 60])).unwrap();
    let response = InferResponse {
        outputs: vec![
            output("a", Tensor::from_vec(vec![1], vec![1.0_f32]).unwrap()),
            output("b", half),
        ],
        ..InferResponse::default()
    };
    let found = written(&response, false);
    let raw = [&1.0_f32.to_le_bytes()[..], &[0, 60]];
    assert_eq!(found.raw_output_contents, raw);
    assert!(found.outputs.iter().all(|output| output.contents.is_none()));
}

#[test]
fn prost_reads_typed_elements_in_the_list_of_their_datatype() {
    let outputs = tensors()
        .into_iter()
        .filter(|tensor| tensor.dtype() != DType::F16);
    let response = InferResponse {
        outputs: outputs.map(|tensor| output("y", tensor)).collect(),
        ..InferResponse::default()
    };
    let found = written(&response, false);
    let contents = |index: usize| found.outputs[index].contents.clone().unwrap();
    assert_eq!(contents(0).bool_contents, [true, false, true]);
    assert_eq!(contents(1).int_contents, [-128, -1, 127]);
    assert_eq!(contents(3).int_contents, [i32::MIN, -1, i32::MAX]);
    assert_eq!(contents(4).int64_contents, [i64::MIN, -1, i64::MAX]);
    assert_eq!(contents(5).uint_contents, [0, 1, 255]);
    assert_eq!(contents(7).uint_contents, [0, 1, u32::MAX]);
    assert_eq!(contents(8).uint64_contents, [0, 1, u64::MAX]);
    assert_eq!(contents(9).fp32_contents, [-0.0, 1.5, f32::INFINITY]);
    assert_eq!(contents(10).fp64_contents, [-0.0, 1.5, f64::MAX]);
    assert_eq!(contents(11).bytes_contents, ["", "é", "abc"]);
    assert_eq!(found.outputs[9].shape, [1, 3]);
    assert_eq!(found.outputs[9].datatype, "FP32");
}

#[test]
fn raw_and_floating_elements_are_slices_of_the_message() {
    let mut wanted = request(vec![input("x", "INT64", &[2])], vec![&[7; 16]]);
    let contents = pb::InferTensorContents {
        fp32_contents: vec![1.0; 4],
        ..pb::InferTensorContents::default()
    };
    for _ in 0..2 {
        let body: Bytes = wanted.encode_to_vec().into();
        let found = decode_request(&body, &Meter::unlimited()).unwrap();
        let data = found.request.inputs[0].tensor.data();
        assert!(body.as_ptr_range().contains(&data.as_ptr()));
        wanted = request(vec![input("x", "FP32", &[4])], vec![]);
        wanted.inputs[0].contents = Some(contents.clone());
    }
}

#[test]
fn all_that_a_request_says_is_read() {
    let mut wanted = request(vec![input("x", "INT8", &[2])], vec![&[1, 255]]);
    wanted.model_version = "2".to_owned();
    wanted.id = "é".to_owned();
    let binary = parameter(ParameterChoice::BoolParam(true));
    wanted.parameters = [("a".to_owned(), binary.clone())].into();
    wanted.inputs[0].parameters = [("b".to_owned(), binary.clone())].into();
    wanted.outputs = vec![InferRequestedOutputTensor {
        name: "y".to_owned(),
        parameters: [("c".to_owned(), binary)].into(),
    }];
    let found = read(&wanted).unwrap();
    assert_eq!((found.model.as_str(), found.version.as_str()), ("m", "2"));
    assert!(found.is_raw);
    let request = found.request;
    assert_eq!(request.id.as_deref(), Some("é"));
    let is_set = Some(&raw_json("true"));
    assert_eq!(request.parameters.get("a"), is_set);
    assert_eq!(request.inputs[0].parameters.get("b"), is_set);
    let [output] = &request.outputs[..] else {
        panic!("{request:?}")
    };
    assert_eq!(
        (output.name.as_str(), output.parameters.get("c")),
        ("y", is_set)
    );
    let tensor = &request.inputs[0].tensor;
    assert_eq!(tensor.to_vec::<i8>(), Some(vec![1, -1]));
    assert_eq!(
        read(&pb::ModelInferRequest::default()),
        Ok(ModelInfer::default())
    );
}

#[test]
fn all_that_a_response_says_is_written() {
    let response = InferResponse {
        id: Some("7".to_owned()),
        parameters: [("a".to_owned(), raw_json("1"))].into_iter().collect(),
        outputs: vec![NamedTensor {
            parameters: [("b".to_owned(), raw_json("\"é\""))].into_iter().collect(),
            ..output("y", Tensor::from_vec(vec![1], vec![1_u8]).unwrap())
        }],
    };
    let found = written(&response, false);
    let model = (found.model_name.as_str(), found.model_version.as_str());
    assert_eq!((model, found.id.as_str()), (("m", "3"), "7"));
    let a = parameter(ParameterChoice::Int64Param(1));
    assert_eq!(found.parameters, [("a".to_owned(), a)].into());
    let b = parameter(ParameterChoice::StringParam("é".to_owned()));
    assert_eq!(found.outputs[0].parameters, [("b".to_owned(), b)].into());
}

#[test]
fn brain_floats_become_binary32() {
    let wanted = request(
        vec![input("x", "BF16", &[2])],
        vec![&[0x80, 0x3f, 0x40, 0xc0]],
    );
    let inputs = read(&wanted).unwrap().request.inputs;
    assert_eq!(inputs[0].tensor.to_vec::<f32>(), Some(vec![1.0, -3.0]));
}

/// A field with a length, of a number below 16.
fn field(number: u8, inside: &[u8]) -> Vec<u8> {
    let length = u8::try_from(inside.len()).unwrap();
    assert!(length < 128);
    [&[number << 3 | 2, length], inside].concat()
}

/// A request of one input with this datatype, shape `[3]` and contents.
fn with_contents(datatype: Datatype, contents: &[u8]) -> Result<Tensor> {
    let input = [
        field(1, b"x"),
        field(5, contents),
        field(2, datatype.name().as_bytes()),
        field(3, &[3]),
    ];
    let body = field(5, &input.concat());
    let found = decode_request(&body.into(), &Meter::unlimited())?;
    Ok(found.request.inputs[0].tensor.clone())
}

#[test]
fn elements_may_come_one_by_one_and_in_pieces() {
    let ints = [&[2 << 3, 1][..], &field(2, &[2]), &[2 << 3, 3]].concat();
    let found = with_contents(Datatype::Of(DType::I16), &ints).unwrap();
    assert_eq!(found.to_vec::<i16>(), Some(vec![1, 2, 3]));

    let one = 1.0_f32.to_le_bytes();
    let packed = field(6, &[one, one].concat());
    let floats = [&[6 << 3 | 5][..], &one, &packed].concat();
    let found = with_contents(Datatype::Of(DType::F32), &floats).unwrap();
    assert_eq!(found.to_vec::<f32>(), Some(vec![1.0; 3]));

    let bytes = [field(8, b"a"), field(8, b""), field(8, b"bc")].concat();
    let found = with_contents(Datatype::Of(DType::Bytes), &bytes).unwrap();
    assert!(found.byte_elements().eq([&b"a"[..], b"", b"bc"]));

    // A field of a wire type that is not its number's is an unknown one.
    let floats = [&[6 << 3, 1][..], &packed, &field(6, &one)].concat();
    let found = with_contents(Datatype::Of(DType::F32), &floats).unwrap();
    assert_eq!(found.len(), 3);
}
