//! The messages that are measured, and each side's way between bytes and messages.

use bytes::Bytes;
use streeling_codec::seldon::proto::{self, Limits};
use streeling_core::{
    Array, Elements, Layout, Message, Meta, Names, Payload, RawJson, Table, Tensor,
};

use crate::by_prost;

/// Numbers in the large arrays: an image of 224 by 224 points and three colours.
const LARGE: usize = 150_528;

/// A message, in memory and as bytes.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) message: Message,
    pub(crate) body: Bytes,
}

/// What is done with a message.
pub(crate) type Operation = fn(&Case);

/// One direction, by each side, and the least that prost's can be.
pub(crate) struct Direction {
    pub(crate) name: &'static str,
    pub(crate) ours: Operation,
    pub(crate) prost: Operation,
    /// Only between bytes and prost's own types.
    pub(crate) bare: Operation,
}

pub(crate) const DIRECTIONS: [Direction; 2] = [
    Direction {
        name: "read",
        ours: |case| drop(std::hint::black_box(read(&case.body))),
        prost: |case| drop(std::hint::black_box(by_prost::read(&case.body))),
        bare: |case| drop(std::hint::black_box(by_prost::parse(&case.body))),
    },
    Direction {
        name: "write",
        ours: |case| drop(std::hint::black_box(write(&case.message))),
        prost: |case| drop(std::hint::black_box(by_prost::write(&case.message))),
        bare: |case| drop(std::hint::black_box(by_prost::convert(&case.message))),
    },
];

fn read(body: &Bytes) -> Message {
    proto::decode_message(body, Limits::default()).expect("the body is a message")
}

fn write(message: &Message) -> Vec<u8> {
    let mut out = Vec::new();
    proto::encode_message(message, &mut out).expect("the message fits");
    out
}

/// All cases, for which both sides have been seen to do the same.
pub(crate) fn all() -> Vec<Case> {
    let numbers = |count: usize| (0..count).map(|at| at as f64 / 7.0).collect::<Vec<_>>();
    let small = Tensor::from_vec(vec![1, 4], vec![5.1, 3.5, 1.4, 0.2]);
    let large = || Tensor::from_vec(vec![1, LARGE], numbers(LARGE));
    let meta = Meta {
        id: Some("5vm7gmpp2hd3ldgsmbbj2t4ieb".to_owned()),
        tags: entry("version", RawJson::from_checked("\"v2\"".into())),
        path: entry("classifier", "registry.example/iris:0.3".to_owned()),
        ..Meta::default()
    };
    let names = ["sepal_length", "sepal_width", "petal_length", "petal_width"];
    let case = |name, meta, names, layout, tensor: Result<Tensor, _>| {
        let message = Message {
            meta,
            payload: Payload::Array(Array {
                names,
                layout,
                elements: Elements::Typed(tensor.expect("the shape fits")),
            }),
            ..Message::default()
        };
        let body = Bytes::from(write(&message));
        assert_eq!(read(&body), message, "{name}");
        assert_eq!(by_prost::read(&body), message, "{name}");
        assert_eq!(by_prost::write(&message), body, "{name}");
        Case {
            name,
            message,
            body,
        }
    };
    let none = Meta::default;
    vec![
        case(
            "small message",
            meta,
            Names::from_iter(names),
            Layout::Flat,
            small,
        ),
        case("tensor", none(), Names::Unset, Layout::Flat, large()),
        case("ndarray", none(), Names::Unset, Layout::Nested, large()),
    ]
}

fn entry<T>(key: &str, value: T) -> Table<T> {
    [(key.to_owned(), value)].into_iter().collect()
}
