use streeling_core::{DType, Tensor};

use super::super::super::{InferRequest, InferResponse, Parameters, RequestedOutput, Served};
use super::super::{Form, encode, encoded_size};
use super::{named, parameters, served, texts};

fn written(response: &InferResponse, form: &Form) -> (Vec<u8>, Option<usize>) {
    let mut out = b"before".to_vec();
    let length = encode(response, &served(), form, &mut out);
    (out.split_off(6), length)
}

fn json(tensor: Tensor) -> String {
    let response = InferResponse {
        outputs: vec![named("y", tensor)],
        ..InferResponse::default()
    };
    let (json, length) = written(&response, &Form::default());
    assert_eq!(length, None);
    assert!(encoded_size(&response, &Form::default()) >= json.len());
    String::from_utf8(json).unwrap()
}

fn form(of_request: &[(&str, &str)], outputs: &[(&str, &[(&str, &str)])]) -> Form {
    let outputs = outputs.iter().map(|(name, of_output)| RequestedOutput {
        name: (*name).to_owned(),
        parameters: parameters(of_output),
    });
    let mut request = InferRequest {
        parameters: parameters(of_request),
        outputs: outputs.collect(),
        ..InferRequest::default()
    };
    let form = Form::take(&mut request).unwrap();
    assert!(request.outputs.is_empty());
    form
}

#[test]
fn a_response_has_the_fields_of_the_protocol() {
    let mut output = named(
        "y\"",
        Tensor::from_vec(vec![2, 2], vec![1_i32, -2, 3, 4]).unwrap(),
    );
    output.parameters = parameters(&[("names", r#""[\"a\"]""#)]);
    let response = InferResponse {
        id: Some("i".to_owned()),
        parameters: parameters(&[("t", "true")]),
        outputs: vec![output],
    };
    let served = Served {
        version: Some("v1".to_owned()),
        ..served()
    };
    let mut out = Vec::new();
    assert_eq!(encode(&response, &served, &Form::default(), &mut out), None);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        concat!(
            r#"{"model_name":"iris","model_version":"v1","id":"i","parameters":{"t":true},"#,
            r#""outputs":[{"name":"y\"","datatype":"INT32","shape":[2,2],"#,
            r#""parameters":{"names":"[\"a\"]"},"data":[1,-2,3,4]}]}"#
        )
    );
    let (empty, _) = written(&InferResponse::default(), &Form::default());
    assert_eq!(empty, br#"{"model_name":"iris","outputs":[]}"#);
}

#[test]
fn elements_are_written_flat_with_the_digits_that_they_need() {
    let data = |tensor| {
        let json = json(tensor);
        json.split_once("\"data\":")
            .unwrap()
            .1
            .trim_end_matches("}]}")
            .to_owned()
    };
    let floats = Tensor::from_vec(vec![1, 3], vec![0.1_f32, 1.0, f32::NAN]).unwrap();
    assert_eq!(data(floats), "[0.1,1.0,NaN]");
    let floats = Tensor::from_vec(vec![2], vec![0.1_f64, 1e300]).unwrap();
    assert_eq!(data(floats), "[0.1,1e+300]");
    let halves = Tensor::new(DType::F16, vec![2], b"\x00\x3c\x66\x2e"[..].into()).unwrap();
    assert_eq!(data(halves), "[1.0,0.0999755859375]");
    assert_eq!(
        data(Tensor::from_bools(vec![2], vec![true, false]).unwrap()),
        "[true,false]"
    );
    assert_eq!(data(texts(&[2], &["a\"", "é"])), "[\"a\\\"\",\"é\"]");
    assert_eq!(data(Tensor::from_vec(vec![], vec![7_u64]).unwrap()), "[7]");
    let empty = Tensor::from_vec::<f32>(vec![1 << 40, 0], vec![]).unwrap();
    assert_eq!(data(empty), "[]");
}

#[test]
fn raw_bytes_follow_where_they_are_wanted() {
    let response = InferResponse {
        outputs: vec![
            named("a", Tensor::from_vec(vec![2], vec![1_i16, 2]).unwrap()),
            named("b", texts(&[1], &["hi"])),
        ],
        ..InferResponse::default()
    };
    let all = form(&[("binary_data_output", "true")], &[]);
    let (bytes, length) = written(&response, &all);
    let (head, raw) = bytes.split_at(length.unwrap());
    assert_eq!(raw, b"\x01\0\x02\0\x02\0\0\0hi");
    assert_eq!(
        std::str::from_utf8(head).unwrap(),
        concat!(
            r#"{"model_name":"iris","outputs":[{"name":"a","datatype":"INT16","shape":[2],"#,
            r#""parameters":{"binary_data_size":4}},{"name":"b","datatype":"BYTES","shape":[1],"#,
            r#""parameters":{"binary_data_size":6}}]}"#
        )
    );
    assert!(encoded_size(&response, &all) >= bytes.len());

    let one = form(&[], &[("a", &[]), ("b", &[("binary_data", "true")])]);
    let (bytes, length) = written(&response, &one);
    let (head, raw) = bytes.split_at(length.unwrap());
    assert_eq!(raw, b"\x02\0\0\0hi");
    assert!(String::from_utf8_lossy(head).contains(r#""shape":[2],"data":[1,2]}"#));

    let none = form(
        &[("binary_data_output", "true")],
        &[("a", &[("binary_data", "false")])],
    );
    assert!(!none.is_binary(0) && none.is_binary(1));
}

#[test]
fn wishes_must_be_booleans() {
    let mut request = InferRequest {
        parameters: parameters(&[("binary_data_output", "1")]),
        ..InferRequest::default()
    };
    let error = Form::take(&mut request).unwrap_err();
    assert_eq!(
        error.info,
        "binary_data_output of the request must be true or false, found a number"
    );
    request.parameters = Parameters::new();
    request.outputs = vec![RequestedOutput {
        name: "y".to_owned(),
        parameters: parameters(&[("binary_data", "\"true\"")]),
    }];
    let error = Form::take(&mut request).unwrap_err();
    assert_eq!(
        error.info,
        "binary_data of output \"y\" must be true or false, found a string"
    );
}
