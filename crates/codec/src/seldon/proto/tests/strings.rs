//! Arrays of bytes, and payloads with names.

use prost_types::value::Kind;

use super::*;
use crate::seldon::proto::EncodeError;

fn strings(shape: &[usize], elements: &[&[u8]]) -> Elements {
    Elements::Typed(Tensor::from_byte_elements(shape.to_vec(), elements).unwrap())
}

fn refused(message: &Message) -> EncodeError {
    encode_message(message, &mut Vec::new()).unwrap_err()
}

#[test]
fn bytes_are_a_list_of_strings() {
    // Long enough for lengths of two bytes.
    let long = "é".repeat(100);
    let elements = strings(&[2, 2], &[b"a", b"", long.as_bytes(), b"\0"]);
    let message = data(Layout::Nested, elements);
    let found = decode_message(&written(&message), Limits::default()).unwrap();
    let expected = raw(&format!(r#"[["a",""],["{long}","\u0000"]]"#));
    assert_eq!(
        found,
        data(Layout::Nested, Elements::Json(expected.clone()))
    );
    // Written exactly as prost writes it.
    let by_prost = read_by_prost(&message).encode_to_vec();
    assert_eq!(by_prost, written(&message));
    assert_eq!(
        written(&message),
        written(&data(Layout::Nested, Elements::Json(expected)))
    );
    for (shape, text) in [(&[0][..], "[]"), (&[2, 0], "[[],[]]")] {
        let body = written(&data(Layout::Nested, strings(shape, &[])));
        let again = written(&data(Layout::Nested, Elements::Json(raw(text))));
        assert_eq!(body, again, "{text}");
    }
}

#[test]
fn bytes_are_a_tftensor_of_strings() {
    let elements: [&[u8]; 3] = [b"a", b"", b"\xff\0"];
    let message = data(Layout::TensorProto, strings(&[3, 1], &elements));
    let written = read_by_prost(&message);
    let Some(pb::seldon_message::DataOneof::Data(found)) = written.data_oneof else {
        panic!("no data");
    };
    assert_eq!(found.names, ["a", "é"]);
    let Some(pb::default_data::DataOneof::Tftensor(found)) = found.data_oneof else {
        panic!("no tftensor");
    };
    assert_eq!(found.dtype(), tf::DataType::DtString);
    assert_eq!(found.string_val, elements);
    let sides: Vec<i64> = found
        .tensor_shape
        .unwrap()
        .dim
        .iter()
        .map(|dim| dim.size)
        .collect();
    assert_eq!(sides, [3, 1]);
}

#[test]
fn bytes_that_protobuf_cannot_hold_are_errors() {
    for (layout, elements, shown) in [
        (
            Layout::Nested,
            strings(&[2], &[b"a", b"\xff"]),
            "protobuf cannot hold bytes that are not UTF-8 in data.ndarray",
        ),
        (
            Layout::Nested,
            strings(&[], &[b"a"]),
            "protobuf cannot hold a scalar in data.ndarray",
        ),
        (
            Layout::Nested,
            strings(&[1 << 40, 0], &[]),
            "protobuf cannot hold more than 2 GiB in data.ndarray",
        ),
        (
            Layout::Flat,
            strings(&[1], &[b"a"]),
            "protobuf cannot hold strings in data.tensor",
        ),
    ] {
        assert_eq!(refused(&data(layout, elements)).to_string(), shown);
    }
}

#[test]
fn an_array_without_a_layout_has_only_names() {
    let number = Elements::Typed(Tensor::from_vec(vec![1], vec![1.0]).unwrap());
    for elements in [number, strings(&[1], &[b"a"])] {
        assert_eq!(
            written(&data(Layout::Unset, elements)),
            written(&data(Layout::Unset, Elements::Typed(Tensor::empty())))
        );
    }
}

#[test]
fn named_payloads_are_a_value() {
    let named = |name: &str, payload| Named {
        name: name.to_owned(),
        payload,
    };
    let int = Tensor::from_vec(vec![1, 2], vec![1_i32, 2]).unwrap();
    let message = Message {
        payload: Payload::Named(vec![
            named("é", int.into()),
            named("text", Payload::Text("t".to_owned())),
            named("json", Payload::Json(raw("[null]"))),
            named("bytes", Payload::Bytes(Bytes::from_static(b"\xff"))),
            named(
                "any",
                Payload::Any {
                    type_url: "x/y".to_owned(),
                    value: Bytes::from_static(b"v"),
                },
            ),
        ]),
        ..Message::default()
    };
    let found = decode_message(&written(&message), Limits::default()).unwrap();
    let expected = concat!(
        r#"{"é":[[1.0,2.0]],"text":"t","json":[null],"bytes":"/w==","#,
        r#""any":{"typeUrl":"x/y","value":"dg=="}}"#
    );
    assert_eq!(found.payload, Payload::Json(raw(expected)));
    let Some(pb::seldon_message::DataOneof::JsonData(value)) = read_by_prost(&message).data_oneof
    else {
        panic!("no jsonData");
    };
    let Some(Kind::StructValue(object)) = value.kind else {
        panic!("no object");
    };
    assert_eq!(object.fields.len(), 5);
    assert_eq!(
        object.fields["text"].kind,
        Some(Kind::StringValue("t".to_owned()))
    );

    let not_text = Tensor::from_byte_elements(vec![1], [b"\xff"]).unwrap();
    let error = refused(&Message {
        payload: Payload::Named(vec![named("n", not_text.into())]),
        ..Message::default()
    });
    assert_eq!(
        error.to_string(),
        "protobuf cannot hold text with half of a surrogate pair, or anything but a list for an \
         array in jsonData"
    );
}
