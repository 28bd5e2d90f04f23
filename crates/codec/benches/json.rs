//! `cargo bench -p streeling-codec --bench json`: arrays and small messages, beside `serde_json`.

use std::borrow::Cow;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use streeling_codec::seldon::json;
use streeling_core::{Array, Elements, Layout, Message, Names, Payload, Tensor};

/// Elements of an image of 224 × 224 pixels in three colours.
const ELEMENTS: usize = 150_528;

/// The mixer of `SplitMix64`: the same numbers in every run.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Floats in [0, 1) with all their digits.
fn full() -> Vec<f64> {
    let mut state = 1;
    (0..ELEMENTS)
        .map(|_| (random(&mut state) >> 11) as f64 / (1_u64 << 53) as f64)
        .collect()
}

/// Floats in [0, 1), rounded to six decimals.
fn six() -> Vec<f64> {
    full()
        .into_iter()
        .map(|value| (value * 1e6).round() / 1e6)
        .collect()
}

/// Integers in [0, 256).
fn pixels() -> Vec<i64> {
    let mut state = 2;
    (0..ELEMENTS)
        .map(|_| (random(&mut state) >> 56) as i64)
        .collect()
}

fn message(layout: Layout, tensor: Tensor) -> Message {
    Message {
        payload: Payload::Array(Array {
            names: Names::new(),
            layout,
            elements: Elements::Typed(tensor),
        }),
        ..Message::default()
    }
}

fn encoded(message: &Message) -> Bytes {
    let mut out = Vec::new();
    json::encode_message(message, &mut out);
    out.into()
}

/// Reading and writing of one array as a row of an `ndarray`, and the same list by `serde_json`.
fn array<T>(c: &mut Criterion, name: &str, values: &[T])
where
    T: streeling_core::Element + serde::Serialize + serde::de::DeserializeOwned,
{
    let list = serde_json::to_vec(values).expect("numbers can be written");
    let tensor = Tensor::from_vec(vec![1, values.len()], values.to_vec()).expect("one row");
    let message = message(Layout::Nested, tensor);
    let body = encoded(&message);
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    group.bench_function("parse", |b| {
        b.iter(|| json::decode_message(black_box(&body)));
    });
    group.bench_function("parse, serde_json", |b| {
        b.iter(|| serde_json::from_slice::<Vec<T>>(black_box(&list)));
    });
    group.bench_function("write", |b| b.iter(|| encoded(black_box(&message))));
    group.bench_function("write, serde_json", |b| {
        b.iter(|| serde_json::to_vec(black_box(values)));
    });
    group.finish();
}

fn arrays(c: &mut Criterion) {
    array(c, "150528 floats of six digits", &six());
    array(c, "150528 floats of all digits", &full());
    array(c, "150528 integers", &pixels());
}

/// A response whose columns have default names, and the same with each name in a string of its own.
fn names(c: &mut Criterion) {
    let tensor = Tensor::from_vec(vec![1, ELEMENTS], six()).expect("one row");
    let with = |names: Names| Message {
        payload: Payload::Array(Array {
            names,
            layout: Layout::Nested,
            elements: Elements::Typed(tensor.clone()),
        }),
        ..Message::default()
    };
    let mut group = c.benchmark_group("150528 floats of six digits with default names");
    group.throughput(Throughput::Elements(ELEMENTS as u64));
    group.bench_function("write", |b| {
        b.iter(|| encoded(&with(black_box(Names::Numbered(ELEMENTS)))));
    });
    group.bench_function("write, strings", |b| {
        b.iter(|| {
            let names = Names::Numbered(black_box(ELEMENTS));
            encoded(&with(names.iter().map(Cow::into_owned).collect()))
        });
    });
    group.finish();
}

fn small(c: &mut Criterion) {
    let body = Bytes::from_static(br#"{"data":{"ndarray":[[5.1,3.5,1.4,0.2]]}}"#);
    let message = json::decode_message(&body).expect("a message");
    let mut group = c.benchmark_group("one row of four");
    group.bench_function("parse", |b| {
        b.iter(|| json::decode_message(black_box(&body)));
    });
    let mut out = Vec::with_capacity(256);
    group.bench_function("write", |b| {
        b.iter(|| {
            out.clear();
            json::encode_message(black_box(&message), &mut out);
        });
    });
    group.finish();
}

criterion_group!(benches, arrays, names, small);
criterion_main!(benches);
