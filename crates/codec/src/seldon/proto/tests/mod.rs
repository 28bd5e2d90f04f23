//! Tests from outside: bytes to messages and back, held against the generated types.

mod arrays;
mod broken;
mod properties;
mod strings;
mod tftensor;

use bytes::Bytes;
use prost::Message as _;
use streeling_core::{
    Array, Elements, Feedback, Layout, Message, Meta, Metric, MetricKind, Named, Names, Number,
    Payload, RawJson, Status, Tensor,
};
use streeling_proto::seldon::protos as pb;
use streeling_proto::tensorflow as tf;

use super::{
    Limits, decode_feedback, decode_message, decode_messages, decode_response, encode_feedback,
    encode_message, encode_messages,
};
use crate::DecodeError;

fn raw(text: &str) -> RawJson {
    RawJson::from_checked(Bytes::copy_from_slice(text.as_bytes()))
}

/// Reads what prost wrote.
fn read(message: &pb::SeldonMessage) -> Result<Message, DecodeError> {
    decode_response(&message.encode_to_vec().into(), Limits::default())
}

fn written(message: &Message) -> Bytes {
    let mut out = Vec::new();
    encode_message(message, &mut out).unwrap();
    out.into()
}

/// Lets prost read what was written.
fn read_by_prost(message: &Message) -> pb::SeldonMessage {
    pb::SeldonMessage::decode(written(message)).unwrap()
}

fn data(layout: Layout, array: Elements) -> Message {
    Message {
        payload: Payload::Array(Array {
            names: Names::from_iter(["a", "é"]),
            layout,
            elements: array,
        }),
        ..Message::default()
    }
}

#[test]
fn default_names_are_written_like_any() {
    let with = |names: Names| {
        let mut message = data(Layout::Flat, Elements::Typed(Tensor::empty()));
        if let Payload::Array(data) = &mut message.payload {
            data.names = names;
        }
        written(&message)
    };
    let names = Names::Numbered(1101);
    assert_eq!(with(Names::from_iter(names.iter())), with(names));
}

fn full_meta() -> Meta {
    Meta {
        id: Some("p1".to_owned()),
        tags: [
            ("n".to_owned(), raw("1.0")),
            (
                "deep".to_owned(),
                raw(r#"[1.5,{"x":null,"y":[true,false,"z\n"]}]"#),
            ),
        ]
        .into_iter()
        .collect(),
        routing: [("r".to_owned(), -1), ("s".to_owned(), 0)]
            .into_iter()
            .collect(),
        path: [("unit".to_owned(), "image:1".to_owned())]
            .into_iter()
            .collect(),
        metrics: vec![Metric {
            key: "k".to_owned(),
            kind: MetricKind::Timer,
            value: Number::Float(1.1),
            tags: Some([("x".to_owned(), "y".to_owned())].into_iter().collect()),
        }],
        ..Meta::default()
    }
}

#[test]
fn everything_goes_there_and_back() {
    let status = Status {
        code: -7,
        info: "i".to_owned(),
        reason: "r".to_owned(),
        failure: true,
    };
    for payload in [
        Payload::None,
        Payload::Text(String::new()),
        Payload::Text("é😀".to_owned()),
        Payload::Bytes(Bytes::new()),
        Payload::Bytes(Bytes::from_static(b"\0\xff")),
        Payload::Json(raw("null")),
        Payload::Json(raw(r#"{"":["NaN",-1.5,1e+20,"\"\\",{}]}"#)),
        Payload::Any {
            type_url: "type.googleapis.com/x.Y".to_owned(),
            value: Bytes::from_static(b"\x08\x01"),
        },
        data(Layout::Unset, Elements::Typed(Tensor::empty())).payload,
    ] {
        let message = Message {
            status: Some(Box::new(status.clone())),
            meta: full_meta(),
            payload,
        };
        let bytes = written(&message);
        assert_eq!(
            decode_response(&bytes, Limits::default()),
            Ok(message.clone())
        );
        // Maps have one entry or are read in any order, so meaning is compared, not bytes.
        let by_prost = pb::SeldonMessage::decode(bytes).unwrap();
        let again = read(&by_prost).unwrap();
        assert_eq!(again.payload, message.payload);
        assert_eq!(again.meta, message.meta);
    }
}

#[test]
fn prost_reads_the_same_meaning() {
    let message = read_by_prost(&Message {
        status: None,
        meta: full_meta(),
        payload: Payload::Json(raw(r#"{"a":[1,true,null,"s"]}"#)),
    });
    let meta = message.meta.unwrap();
    assert_eq!(meta.puid, "p1");
    assert_eq!(meta.routing["r"], -1);
    assert_eq!(meta.routing["s"], 0);
    assert_eq!(meta.request_path["unit"], "image:1");
    assert_eq!(meta.metrics[0].value, 1.1);
    assert_eq!(meta.metrics[0].r#type(), pb::metric::MetricType::Timer);
    let number = |value| prost_types::Value {
        kind: Some(prost_types::value::Kind::NumberValue(value)),
    };
    assert_eq!(meta.tags["n"], number(1.0));
    let Some(pb::seldon_message::DataOneof::JsonData(value)) = message.data_oneof else {
        panic!("no jsonData");
    };
    let Some(prost_types::value::Kind::StructValue(object)) = value.kind else {
        panic!("no object");
    };
    let Some(prost_types::value::Kind::ListValue(list)) = &object.fields["a"].kind else {
        panic!("no list");
    };
    assert_eq!(list.values[0], number(1.0));
    assert_eq!(
        list.values[2].kind,
        Some(prost_types::value::Kind::NullValue(0))
    );
}

#[test]
fn numbers_of_json_get_a_point_as_in_seldon_core() {
    let message = Message {
        payload: Payload::Json(raw(r#"{"a":1,"b":12345678901234567890,"c":1e20}"#)),
        ..Message::default()
    };
    let expected = raw(r#"{"a":1.0,"b":1.2345678901234567e+19,"c":1e+20}"#);
    assert_eq!(
        decode_message(&written(&message), Limits::default())
            .unwrap()
            .payload,
        Payload::Json(expected)
    );
}

#[test]
fn lists_and_feedback() {
    let first = data(
        Layout::Flat,
        Elements::Typed(Tensor::from_vec(vec![2], vec![1.0, 2.0]).unwrap()),
    );
    let second = Message {
        meta: full_meta(),
        payload: Payload::Text("x".to_owned()),
        ..Message::default()
    };
    let messages = vec![first.clone(), second.clone()];
    let mut out = Vec::new();
    encode_messages(&messages, &mut out).unwrap();
    let by_prost = pb::SeldonMessageList::decode(&*out).unwrap();
    assert_eq!(by_prost.seldon_messages.len(), 2);
    assert_eq!(
        decode_messages(&out.into(), Limits::default()),
        Ok(messages)
    );
    assert_eq!(
        decode_messages(&Bytes::new(), Limits::default()),
        Ok(vec![])
    );

    let feedback = Feedback {
        request: Some(first),
        response: None,
        reward: 0.1,
        truth: Some(second),
        routing: None,
    };
    let mut out = Vec::new();
    encode_feedback(&feedback, &mut out).unwrap();
    let by_prost = pb::Feedback::decode(&*out).unwrap();
    assert_eq!(by_prost.reward, 0.1);
    assert_eq!(
        decode_feedback(&out.into(), Limits::default()),
        Ok(feedback)
    );
    let bare = Feedback {
        truth: Some(Message {
            payload: Payload::Text("a".to_owned()),
            ..Message::default()
        }),
        ..Feedback::default()
    };
    let mut out = Vec::new();
    encode_feedback(&bare, &mut out).unwrap();
    let by_prost = pb::Feedback::decode(&*out).unwrap();
    assert_eq!(by_prost.truth.unwrap().meta, None);
    let empty = decode_feedback(&Bytes::new(), Limits::default());
    assert_eq!(empty, Ok(Feedback::default()));
}

#[test]
fn binary_is_a_slice_of_the_body() {
    let body = written(&Message {
        payload: Payload::Bytes(Bytes::from_static(&[7; 100])),
        ..Message::default()
    });
    let Payload::Bytes(found) = decode_message(&body, Limits::default()).unwrap().payload else {
        panic!("no binData");
    };
    assert!(body.as_ptr_range().contains(&found.as_ptr()));
}

#[test]
fn what_comes_twice_is_merged_or_replaced() {
    let parts = [
        data(
            Layout::Flat,
            Elements::Typed(Tensor::from_vec(vec![2], vec![1.0, 2.0]).unwrap()),
        ),
        Message {
            meta: full_meta(),
            ..data(
                Layout::Flat,
                Elements::Typed(Tensor::from_vec(vec![1], vec![3.0]).unwrap()),
            )
        },
    ];
    let body: Vec<u8> = parts.iter().flat_map(written).collect();
    // As prost merges it: shape [2, 1] and three values, which only NumPy can refuse.
    let merged = pb::SeldonMessage::decode(&*body).unwrap();
    let found = decode_message(&body.clone().into(), Limits::default()).unwrap();
    assert_eq!(found, read(&merged).unwrap());
    let Payload::Array(Array {
        names,
        elements: array,
        ..
    }) = found.payload
    else {
        panic!("no data");
    };
    assert_eq!(names, Names::from_iter(["a", "é", "a", "é"]));
    assert_eq!(
        array,
        Elements::Json(raw(r#"{"shape":[2,1],"values":[1.0,2.0,3.0]}"#))
    );

    // Another member of the oneof wipes out the first.
    let text = Message {
        payload: Payload::Text("t".to_owned()),
        ..Message::default()
    };
    let bodies = [body, written(&text).to_vec(), written(&parts[0]).to_vec()].concat();
    let found = decode_message(&bodies.into(), Limits::default()).unwrap();
    assert_eq!(found.payload, parts[0].payload);
}
