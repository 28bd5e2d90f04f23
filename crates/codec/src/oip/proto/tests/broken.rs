//! Requests that are no good, and what is said of them.

use super::*;
use streeling_core::{Budget, Use};

/// What is said of a request.
fn fault(request: &pb::ModelInferRequest) -> String {
    let error = read(request).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BadData, "{error}");
    error.info
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
        one("INT32", &[1 << 62, 4], ints(&[1])),
        one("INT32", &[0, 1 << 62, 4], ints(&[1])),
        one("INT32", &[2, -1], ints(&[1])),
        one("INT32", &[1; 40], ints(&[1])),
    ];
    let takes = |shape: &str, takes: &str, found: &str| {
        format!("input \"x\" of datatype INT32 and shape {shape} takes {takes}, found {found}")
    };
    assert_eq!(
        texts,
        [
            takes("[2, 3]", "6 elements", "4"),
            takes("[2]", "2 elements", "4"),
            takes("[]", "1 elements", "0"),
            takes("[1]", "1 elements", "0").replace("INT32", "FP32"),
            takes(
                "[4611686018427387904, 4]",
                "more elements than memory holds",
                "1"
            ),
            takes("[0, 4611686018427387904, 4]", "0 elements", "1"),
            "input \"x\" has the side -1 in its shape, which must not be negative".to_owned(),
            "input \"x\" has a shape of 40 sides, allowed are 32".to_owned(),
        ]
    );
}

#[test]
fn datatypes_must_be_known_and_have_the_elements() {
    let long = "é".repeat(100);
    let unknown = |shown: &str| {
        format!(
            "datatype \"{shown}\" of input \"x\" is not known, it must be one of BOOL, UINT8, \
             UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64, BYTES, BF16"
        )
    };
    assert_eq!(one("fp32", &[1], ints(&[1])), unknown("fp32"));
    assert_eq!(one("", &[1], ints(&[1])), unknown(""));
    let shown = format!("{}…", "é".repeat(64));
    assert_eq!(one(&long, &[1], ints(&[1])), unknown(&shown));
    for name in ["FP16", "BF16"] {
        let text = format!(
            "input \"x\" is of datatype {name}, which has no contents: it must be in \
             raw_input_contents"
        );
        assert_eq!(one(name, &[1], ints(&[1])), text);
    }
    assert_eq!(
        one("FP32", &[1], ints(&[1])),
        "input \"x\" of datatype FP32 must have its elements in fp32_contents, found int_contents"
    );
}

#[test]
fn elements_must_be_within_the_range_of_their_datatype() {
    let text = |datatype: &str, value: i64| {
        format!(
            "input \"x\" of datatype {datatype} has the element {value}, which is out of its range"
        )
    };
    let signed = [
        ("INT8", 128),
        ("INT8", -129),
        ("INT16", 32768),
        ("INT16", -32769),
    ];
    for (datatype, value) in signed {
        let found = one(datatype, &[2], ints(&[0, value]));
        assert_eq!(found, text(datatype, value.into()));
    }
    for (datatype, value) in [("UINT8", 256), ("UINT16", 65536)] {
        let contents = pb::InferTensorContents {
            uint_contents: vec![value],
            ..pb::InferTensorContents::default()
        };
        assert_eq!(one(datatype, &[1], contents), text(datatype, value.into()));
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
        raw("FP64", &[i64::MAX], &[0]),
        raw("BYTES", &[2], &[1, 0, 0, 0, 7]),
        raw("BYTES", &[1], &[9, 0, 0, 0, 7]),
        raw("BOOL", &[1], &[2]),
    ];
    let x = "input \"x\" of datatype";
    assert_eq!(
        texts,
        [
            &format!("{x} FP32 and shape [2, 3] takes 24 bytes, found 12"),
            &format!("{x} BF16 and shape [2] takes 4 bytes, found 5"),
            &format!(
                "{x} FP64 and shape [9223372036854775807] takes more bytes than memory holds, \
                 found 1"
            ),
            &format!("{x} BYTES and shape [2] takes 2 elements, found 1"),
            "element 0 of input \"x\" claims 9 bytes, 1 are left",
            &format!("{x} BOOL has the byte 2, allowed are 0 and 1"),
        ]
    );
}

#[test]
fn elements_are_raw_for_all_inputs_or_for_none() {
    let x = || input("x", "INT8", &[1]);
    let texts = [
        fault(&request(vec![x(), x()], vec![&[1]])),
        fault(&request(vec![x()], vec![&[1], &[1]])),
        fault(&request(vec![], vec![&[]])),
    ];
    let text = |raw: usize, inputs: usize| {
        format!(
            "there are {raw} raw_input_contents for {inputs} inputs, there must be one for each"
        )
    };
    assert_eq!(texts, [text(1, 2), text(2, 1), text(1, 0)]);
    let mut both = request(vec![x()], vec![&[1]]);
    both.inputs[0].contents = Some(ints(&[1]));
    assert_eq!(
        fault(&both),
        "input \"x\" has elements in contents and in raw_input_contents, allowed is one of them"
    );
    // Contents that hold nothing are none.
    both.inputs[0].contents = Some(ints(&[]));
    assert!(read(&both).is_ok());
}

#[test]
fn inputs_and_outputs_need_names() {
    let nameless = request(vec![input("", "INT8", &[1])], vec![&[1]]);
    assert_eq!(fault(&nameless), "input 0 has no name");
    let mut wanted = request(vec![], vec![]);
    wanted.outputs = vec![InferRequestedOutputTensor::default()];
    assert_eq!(fault(&wanted), "requested output 0 has no name");
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
            Err(error) => assert_eq!(error.kind, ErrorKind::BadData, "{error}"),
        }
    }
    // Between two fields, before there are inputs.
    assert_eq!(complete, 3);
    let text = Bytes::from_static(b"\x0a\x01\xff");
    let error = decode_request(&text, &Meter::unlimited()).unwrap_err();
    assert_eq!(
        error.info,
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
        assert_eq!(error.kind, ErrorKind::TooLarge, "{index}");
    }
}
