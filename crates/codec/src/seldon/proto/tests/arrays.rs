//! `tensor` and `ndarray`.

use prost_types::value::Kind;
use prost_types::{ListValue, Value};

use super::*;
use crate::seldon::proto::EncodeError;

fn number(value: f64) -> Value {
    Value {
        kind: Some(Kind::NumberValue(value)),
    }
}

fn list(values: Vec<Value>) -> Value {
    Value {
        kind: Some(Kind::ListValue(ListValue { values })),
    }
}

fn ndarray(values: Vec<Value>) -> Elements {
    let message = pb::SeldonMessage {
        data_oneof: Some(pb::seldon_message::DataOneof::Data(pb::DefaultData {
            names: vec![],
            data_oneof: Some(pb::default_data::DataOneof::Ndarray(ListValue { values })),
        })),
        ..pb::SeldonMessage::default()
    };
    let Payload::Array(data) = read(&message).unwrap().payload else {
        panic!("no data");
    };
    assert_eq!(data.layout, Layout::Nested);
    data.elements
}

fn tensor(shape: Vec<i32>, values: Vec<f64>) -> Elements {
    let tensor = pb::Tensor { shape, values };
    let message = pb::SeldonMessage {
        data_oneof: Some(pb::seldon_message::DataOneof::Data(pb::DefaultData {
            names: vec![],
            data_oneof: Some(pb::default_data::DataOneof::Tensor(tensor)),
        })),
        ..pb::SeldonMessage::default()
    };
    let Payload::Array(data) = read(&message).unwrap().payload else {
        panic!("no data");
    };
    data.elements
}

#[test]
fn tensors_are_float64() {
    for (shape, values) in [
        (
            vec![2, 2],
            vec![1.0, f64::MIN_POSITIVE, -0.0, f64::INFINITY],
        ),
        (vec![0], vec![]),
        (vec![2, 0, 3], vec![]),
        (vec![], vec![4.0]),
    ] {
        let sides = shape.iter().map(|&side: &i32| side as usize).collect();
        let expected = Tensor::from_vec(sides, values.clone()).unwrap();
        assert_eq!(tensor(shape, values), Elements::Typed(expected));
    }
}

#[test]
fn tensor_that_does_not_fit_is_left_to_numpy() {
    for (shape, values, text) in [
        (vec![3], vec![1.0], r#"{"shape":[3],"values":[1.0]}"#),
        (
            vec![-1],
            vec![1.0, 2.5],
            r#"{"shape":[-1],"values":[1.0,2.5]}"#,
        ),
        (vec![], vec![], r#"{"shape":[],"values":[]}"#),
        (
            vec![i32::MAX, i32::MAX, 0],
            vec![],
            r#"{"shape":[2147483647,2147483647,0],"values":[]}"#,
        ),
        (
            vec![i32::MAX; 3],
            vec![],
            r#"{"shape":[2147483647,2147483647,2147483647],"values":[]}"#,
        ),
    ] {
        let found = tensor(shape, values);
        assert_eq!(found, Elements::Json(raw(text)));
        let echo = data(Layout::Flat, found.clone());
        let again = decode_message(&written(&echo), Limits::default()).unwrap();
        assert_eq!(again, echo);
    }
    assert!(matches!(tensor(vec![1; 33], vec![1.0]), Elements::Json(_)));
}

#[test]
fn unpacked_values_are_read_too() {
    let one = |value: f64| [&[0x11][..], &value.to_le_bytes()].concat();
    let inner = [vec![0x08, 2], one(1.0), one(2.0)].concat();
    let with_len = |tag, bytes: Vec<u8>| [vec![tag, bytes.len() as u8], bytes].concat();
    let body = with_len(0x1a, with_len(0x12, inner));
    let Payload::Array(data) = decode_message(&body.into(), Limits::default())
        .unwrap()
        .payload
    else {
        panic!("no data");
    };
    let expected = Tensor::from_vec(vec![2], vec![1.0, 2.0]).unwrap();
    assert_eq!(data.elements, Elements::Typed(expected));
}

#[test]
fn tensor_values_are_a_slice_of_the_body() {
    let array = Elements::Typed(Tensor::from_vec(vec![100], vec![1.5; 100]).unwrap());
    let body = written(&data(Layout::Flat, array));
    let message = decode_message(&body, Limits::default()).unwrap();
    let Payload::Array(Array {
        elements: Elements::Typed(found),
        ..
    }) = message.payload
    else {
        panic!("no tensor");
    };
    assert!(body.as_ptr_range().contains(&found.data().as_ptr()));
}

#[test]
fn regular_lists_are_typed() {
    let row = |values: &[f64]| list(values.iter().copied().map(number).collect());
    let typed = |shape: &[usize], values: &[f64]| {
        Elements::Typed(Tensor::from_vec(shape.to_vec(), values.to_vec()).unwrap())
    };
    assert_eq!(ndarray(vec![]), typed(&[0], &[]));
    assert_eq!(
        ndarray(vec![number(1.0), number(f64::MAX)]),
        typed(&[2], &[1.0, f64::MAX])
    );
    assert_eq!(
        ndarray(vec![row(&[1.0, 2.0]), row(&[3.0, 4.5])]),
        typed(&[2, 2], &[1.0, 2.0, 3.0, 4.5])
    );
    assert_eq!(ndarray(vec![row(&[]), row(&[])]), typed(&[2, 0], &[]));
    assert_eq!(
        ndarray(vec![list(vec![row(&[1.0])]), list(vec![row(&[2.0])])]),
        typed(&[2, 1, 1], &[1.0, 2.0])
    );
    let truth = |value| Value {
        kind: Some(Kind::BoolValue(value)),
    };
    assert_eq!(
        ndarray(vec![truth(true), truth(false)]),
        Elements::Typed(Tensor::from_bools(vec![2], vec![true, false]).unwrap())
    );
}

#[test]
fn irregular_lists_are_text() {
    let row = |values: &[f64]| list(values.iter().copied().map(number).collect());
    let text = |text: &str| Value {
        kind: Some(Kind::StringValue(text.to_owned())),
    };
    let truth = Value {
        kind: Some(Kind::BoolValue(true)),
    };
    let object = Value {
        kind: Some(Kind::StructValue(prost_types::Struct {
            fields: [("k".to_owned(), number(1.0))].into_iter().collect(),
        })),
    };
    for (values, expected) in [
        (vec![number(1.0), text("a\"")], r#"[1.0,"a\""]"#),
        (vec![number(1.0), Value { kind: None }], "[1.0,null]"),
        (vec![row(&[1.0]), row(&[2.0, 3.0])], "[[1.0],[2.0,3.0]]"),
        (vec![row(&[]), row(&[2.0])], "[[],[2.0]]"),
        (vec![number(1.0), row(&[2.0])], "[1.0,[2.0]]"),
        (vec![row(&[2.0]), number(1.0)], "[[2.0],1.0]"),
        (
            vec![row(&[2.0]), list(vec![row(&[1.0])])],
            "[[2.0],[[1.0]]]",
        ),
        (vec![number(1.0), truth.clone()], "[1.0,true]"),
        (vec![truth, number(1.0)], "[true,1.0]"),
        (vec![object], r#"[{"k":1.0}]"#),
    ] {
        let found = ndarray(values);
        assert_eq!(found, Elements::Json(raw(expected)));
        let echo = data(Layout::Nested, found);
        assert_eq!(decode_message(&written(&echo), Limits::default()), Ok(echo));
    }
}

#[test]
fn every_dtype_is_written_as_floats() {
    let tensors = [
        Tensor::from_vec(vec![2], vec![-1_i8, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![-1_i16, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![-1_i32, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![-1_i64, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![-1_f32, 2.0]).unwrap(),
        Tensor::from_vec(vec![2], vec![-1_f64, 2.0]).unwrap(),
        Tensor::new(
            streeling_core::DType::F16,
            vec![2],
            Bytes::from_static(&[0, 0xbc, 0, 0x40]),
        )
        .unwrap(),
    ];
    let unsigned = [
        Tensor::from_vec(vec![2], vec![255_u8, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![255_u16, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![255_u32, 2]).unwrap(),
        Tensor::from_vec(vec![2], vec![255_u64, 2]).unwrap(),
    ];
    let all = tensors.into_iter().map(|t| (t, -1.0));
    for (tensor, first) in all.chain(unsigned.into_iter().map(|t| (t, 255.0))) {
        let expected = Elements::Typed(Tensor::from_vec(vec![2], vec![first, 2.0]).unwrap());
        for layout in [Layout::Flat, Layout::Nested] {
            let body = written(&data(layout, Elements::Typed(tensor.clone())));
            let found = decode_message(&body, Limits::default()).unwrap();
            assert_eq!(found, data(layout, expected.clone()), "{tensor:?}");
        }
    }
}

#[test]
fn what_protobuf_cannot_hold_is_an_error() {
    let mut out = Vec::new();
    let mut refused =
        |message: &Message| -> EncodeError { encode_message(message, &mut out).unwrap_err() };
    let scalar = Tensor::from_vec(vec![], vec![1.0]).unwrap();
    let error = refused(&data(Layout::Nested, Elements::Typed(scalar)));
    assert_eq!(
        error.to_string(),
        "protobuf cannot hold a scalar in data.ndarray"
    );
    let side = Tensor::from_vec::<f64>(vec![1 << 31, 0], vec![]).unwrap();
    let error = refused(&data(Layout::Flat, Elements::Typed(side)));
    assert_eq!(
        error.to_string(),
        "protobuf cannot hold a side beyond 32 bits in data.tensor.shape"
    );
    for json in [r#""\ud800""#, r#"{"\ud800":1}"#] {
        refused(&Message {
            payload: Payload::Json(raw(json)),
            ..Message::default()
        });
    }
    for (layout, json) in [
        (Layout::Nested, "5"),
        (Layout::Flat, r#"{"shape":[1.5],"values":[]}"#),
        (Layout::Flat, r#"{"shape":[1],"values":["x"]}"#),
        (Layout::TensorProto, r#"{"dtype":"DT_RESOURCE"}"#),
    ] {
        refused(&data(layout, Elements::Json(raw(json))));
    }
    let many = Tensor::from_vec::<f64>(vec![1 << 40, 0], vec![]).unwrap();
    refused(&data(Layout::Nested, Elements::Typed(many)));
}
