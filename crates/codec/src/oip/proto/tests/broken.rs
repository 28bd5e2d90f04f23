//! Requests that are no good, and what is said of them.

use super::*;
use streeling_core::{Budget, ErrorKind, Use};

/// What is said of a request.
fn fault(request: &pb::ModelInferRequest) -> String {
    let fault = read(request).unwrap_err().to_string();
    let place = fault.rfind(" (byte ").unwrap_or(fault.len());
    fault[..place].to_owned()
}

fn one(datatype: &str, shape: &[i64], contents: pb::InferTensorContents) -> String {
    let mut input = input("x", datatype, shape);
    input.contents = Some(contents);
    fault(&request(vec![input], vec![]))
}

fn ints(values: &[i32]) -> pb::InferTensorContents {
    pb::InferTensorContents {
        int_contents: values.to_vec(),
        ..pb::InferTensorContents::default()
    }
}

#[test]
fn elements_and_shape_must_belong_together() {
    let texts = [
        one("INT32", &[2, 3], ints(&[1, 2, 3, 4])),
        one("INT32", &[2], ints(&[1, 2, 3, 4])),
        one("INT32", &[], ints(&[])),
        fault(&request(vec![input("x", "FP32", &[1])], vec![])),
        one("INT32", &[i64::MAX, 4], ints(&[1])),
        one("INT32", &[0, i64::MAX, 4], ints(&[])),
        one("INT32", &[2, -1], ints(&[1])),
        one("INT32", &[1; 33], ints(&[1])),
    ];
    assert_eq!(
        texts,
        [
            "shape mismatch: 4 elements for shape [2, 3] at inputs[0].contents",
            "shape mismatch: 4 elements for shape [2] at inputs[0].contents",
            "shape mismatch: 0 elements for shape [] at inputs[0].contents",
            "shape mismatch: 0 elements for shape [1] at inputs[0].contents",
            "shape [9223372036854775807, 4] is too large at inputs[0].contents",
            "shape [0, 9223372036854775807, 4] is too large at inputs[0].contents",
            "a side of -1, must be 0 or more at inputs[0].shape[1]",
            "more than 32 sides at inputs[0].shape",
        ]
    );
}

#[test]
fn datatypes_must_be_known_and_have_the_elements() {
    let long = "é".repeat(100);
    let names = "BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64, \
                 BYTES, BF16";
    let unknown = |shown: &str| {
        format!("unknown datatype {shown:?}, must be one of {names} at inputs[0].datatype")
    };
    assert_eq!(one("fp32", &[1], ints(&[1])), unknown("fp32"));
    assert_eq!(one("", &[1], ints(&[1])), unknown(""));
    assert_eq!(
        one(&long, &[1], ints(&[1])),
        unknown(&format!("{}…", "é".repeat(64)))
    );
    for name in ["FP16", "BF16"] {
        let text = format!(
            "{name} has no contents, it must be in raw_input_contents at inputs[0].contents"
        );
        assert_eq!(one(name, &[1], ints(&[1])), text);
    }
    assert_eq!(
        one("FP32", &[1], ints(&[1])),
        "elements of FP32 must be in fp32_contents, found int_contents at inputs[0].contents"
    );
    for (datatype, value) in [
        ("INT8", 128),
        ("INT8", -129),
        ("INT16", 32768),
        ("INT16", -32769),
    ] {
        let text = format!("{value} is out of range for {datatype} at inputs[0].contents");
        assert_eq!(one(datatype, &[1], ints(&[value])), text);
    }
    for (datatype, value) in [("UINT8", 256), ("UINT16", 65536)] {
        let contents = pb::InferTensorContents {
            uint_contents: vec![value],
            ..pb::InferTensorContents::default()
        };
        let text = format!("{value} is out of range for {datatype} at inputs[0].contents");
        assert_eq!(one(datatype, &[1], contents), text);
    }
}

#[test]
fn raw_elements_must_have_the_size_that_shape_and_datatype_say() {
    let raw = |datatype: &str, shape: &[i64], data: &'static [u8]| {
        fault(&request(vec![input("x", datatype, shape)], vec![data]))
    };
    let texts = [
        raw("FP32", &[2, 3], &[0; 12]),
        raw("BF16", &[2], &[0; 5]),
        raw("BOOL", &[i64::MAX], &[0]),
        raw("FP64", &[i64::MAX], &[0]),
        raw("BYTES", &[2], &[1, 0, 0, 0, 7]),
        raw("BYTES", &[1], &[9, 0, 0, 0, 7]),
        raw("BYTES", &[1], &[0, 0]),
    ];
    let max = usize::MAX;
    assert_eq!(
        texts,
        [
            "shape mismatch: 12 bytes for shape [2, 3] of FP32, which takes 24 at inputs[0]",
            "shape mismatch: 5 bytes for shape [2] of BF16, which takes 4 at inputs[0]",
            "shape mismatch: 1 bytes for shape [9223372036854775807] of BOOL, which takes \
             9223372036854775807 at inputs[0]",
            &format!(
                "shape mismatch: 1 bytes for shape [9223372036854775807] of FP64, which takes {max} \
                 at inputs[0]"
            ),
            "shape mismatch: 1 elements for shape [2] at inputs[0]",
            "an element of BYTES has a length that goes beyond the end at inputs[0]",
            "an element of BYTES has a length that goes beyond the end at inputs[0]",
        ]
    );
}

#[test]
fn elements_are_raw_for_all_inputs_or_for_none() {
    let x = || input("x", "INT8", &[1]);
    let two = fault(&request(vec![x(), x()], vec![&[1]]));
    assert!(
        two.starts_with("1 raw_input_contents for 2 inputs at byte "),
        "{two}"
    );
    let none = fault(&request(vec![], vec![&[]]));
    assert!(
        none.starts_with("1 raw_input_contents for 0 inputs at byte "),
        "{none}"
    );
    let mut both = request(vec![x()], vec![&[1]]);
    both.inputs[0].contents = Some(ints(&[1]));
    assert_eq!(
        fault(&both),
        "elements are in contents and in raw_input_contents, allowed is one at inputs[0].contents"
    );
    // Contents that hold nothing are none.
    both.inputs[0].contents = Some(ints(&[]));
    assert!(read(&both).is_ok());
}

#[test]
fn inputs_and_outputs_need_names() {
    let nameless = request(vec![input("", "INT8", &[1])], vec![&[1]]);
    assert_eq!(fault(&nameless), "an input needs a name at inputs[0].name");
    let mut wanted = request(vec![], vec![]);
    wanted.outputs = vec![InferRequestedOutputTensor::default()];
    assert_eq!(fault(&wanted), "an output needs a name at outputs[0].name");
}

#[test]
fn broken_bytes_are_an_error_wherever_they_end() {
    let mut wanted = request(vec![input("x", "INT8", &[1])], vec![&[1]]);
    wanted.parameters = [(
        "a".to_owned(),
        parameter(ParameterChoice::StringParam("é".to_owned())),
    )]
    .into();
    let body = wanted.encode_to_vec();
    let mut complete = 0;
    for end in 0..body.len() {
        let cut = Bytes::copy_from_slice(&body[..end]);
        match decode_request(&cut, &Meter::unlimited()) {
            Ok(_) => complete += 1,
            Err(error) => assert!(error.offset() <= end, "{error}"),
        }
    }
    // Between two fields, before there are inputs.
    assert_eq!(complete, 3);
    let text = Bytes::from_static(b"\x0a\x01\xff");
    let error = decode_request(&text, &Meter::unlimited()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no valid protobuf at model_name (byte 2): text that is not UTF-8"
    );
}

#[test]
fn memory_is_taken_before_it_is_allocated() {
    let small = |unit: &[u8]| -> Bytes { unit.repeat(1 << 16).into() };
    let typed = |number: u8| -> Bytes {
        let list = pb::InferTensorContents {
            int64_contents: if number == 3 {
                vec![1; 1 << 18]
            } else {
                vec![]
            },
            bytes_contents: if number == 8 {
                vec![Bytes::new(); 1 << 18]
            } else {
                vec![]
            },
            ..pb::InferTensorContents::default()
        };
        let datatype = if number == 3 { "INT64" } else { "BYTES" };
        let mut input = input("x", datatype, &[1 << 18]);
        input.contents = Some(list);
        request(vec![input], vec![]).encode_to_vec().into()
    };
    let wide = {
        let data: &'static [u8] = &[0; 1 << 18];
        request(vec![input("x", "BF16", &[1 << 17])], vec![data]).encode_to_vec()
    };
    let bodies = [
        small(&[5 << 3 | 2, 0]),
        small(&[6 << 3 | 2, 0]),
        small(&[7 << 3 | 2, 0]),
        small(&[4 << 3 | 2, 0]),
        typed(3),
        typed(8),
        wide.into(),
    ];
    for (index, body) in bodies.iter().enumerate() {
        let budget = Budget::new(200_000);
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0), body.len());
        let error = decode_request(body, &meter).unwrap_err();
        let DecodeError::Memory { error, .. } = error else {
            panic!("{index}: {error}")
        };
        assert_eq!(error.kind, ErrorKind::TooLarge, "{index}");
    }
}
