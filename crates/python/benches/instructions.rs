//! What a small request costs the server, step by step: `cargo xtask instructions` counts it.
//! `list` prints the steps, `run STEP COUNT` takes one of them so often.
#![expect(clippy::print_stdout, reason = "it exists to be read by a program")]

use std::hint::black_box;

use bytes::Bytes;
use streeling_codec::seldon::proto::Limits;
use streeling_codec::seldon::{json, proto};
use streeling_core::Message;
use streeling_python::counted;

const REQUEST: &[u8] = br#"{"data":{"names":["a","b","c","d"],"ndarray":[[5.1,3.5,1.4,0.2]]}}"#;

type Step = (&'static str, fn(u64));

const STEPS: &[Step] = &[
    ("read a request as JSON", |count| {
        let body = Bytes::from_static(REQUEST);
        repeat(count, || drop(black_box(json::decode_message(&body))));
    }),
    ("write a response as JSON", |count| {
        let message = message();
        repeat(count, || {
            let mut out = Vec::new();
            json::encode_message(&message, &mut out);
            black_box(out);
        });
    }),
    ("read a request as protobuf", |count| {
        let body = protobuf();
        let read = || drop(black_box(proto::decode_message(&body, Limits::default())));
        repeat(count, read);
    }),
    ("write a response as protobuf", |count| {
        let message = message();
        repeat(count, || {
            let mut out = Vec::new();
            drop(black_box(proto::encode_message(&message, &mut out)));
        });
    }),
    ("make a frame of a request", |count| {
        let message = message();
        repeat(count, || counted::frame(&message));
    }),
    ("read a frame of a response", |count| {
        let bytes = counted::reply_bytes();
        repeat(count, || counted::reply(&bytes));
    }),
    ("dispatch a request", counted::dispatch),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => STEPS.iter().for_each(|(name, _)| println!("{name}")),
        ["run", name, count] => {
            let step = STEPS.iter().find(|(one, _)| *one == name);
            let (_, step) = step.expect("the name of a step");
            step(count.parse().expect("a number"));
        }
        _ => panic!("allowed are `list` and `run STEP COUNT`, not {arguments:?}"),
    }
}

fn repeat(count: u64, step: impl Fn()) {
    for _ in 0..count {
        step();
    }
}

fn message() -> Message {
    json::decode_message(&Bytes::from_static(REQUEST)).expect("a good request")
}

fn protobuf() -> Bytes {
    let mut out = Vec::new();
    proto::encode_message(&message(), &mut out).expect("a good message");
    out.into()
}
