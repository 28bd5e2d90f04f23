//! Ad-hoc speed.
#![allow(clippy::all, clippy::print_stdout, missing_docs)]
use bytes::Bytes;
use std::time::Instant;
use streeling_codec::json::*;
fn time(name: &str, n: usize, mut f: impl FnMut()) {
    let mut best = f64::MAX;
    for _ in 0..7 {
        let t = Instant::now();
        for _ in 0..n {
            f();
        }
        best = best.min(t.elapsed().as_secs_f64() / n as f64);
    }
    println!("{name}: {:.3} us", best * 1e6);
}
fn both(name: &str, n: usize, body: Bytes) {
    let m = decode_message(&body).unwrap();
    time(&format!("{name} decode ({} bytes)", body.len()), n, || {
        std::hint::black_box(decode_message(std::hint::black_box(&body)).unwrap());
    });
    let mut out = Vec::new();
    time(&format!("{name} encode"), n, || {
        out.clear();
        encode_message(std::hint::black_box(&m), &mut out);
        std::hint::black_box(&out);
    });
}
fn main() {
    let small = Bytes::from(br#"{"data":{"names":["a"],"ndarray":[[5.1,3.5,1.4,0.2]]}}"#.to_vec());
    both("small", 200_000, small);
    both(
        "small tensor",
        200_000,
        Bytes::from(
            br#"{"data": {"tensor": {"shape": [1, 4], "values": [5.1, 3.5, 1.4, 0.2]}}}"#.to_vec(),
        ),
    );
    let mut x = 88172645463325252u64;
    let mut next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        (x >> 11) as f64 / (1u64 << 53) as f64
    };
    let six: Vec<String> = (0..150_528).map(|_| format!("{:.6}", next())).collect();
    both(
        "six digits",
        20,
        Bytes::from(format!(
            "{{\"data\":{{\"ndarray\":[[{}]]}}}}",
            six.join(", ")
        )),
    );
    let full: Vec<String> = (0..150_528).map(|_| format!("{}", next())).collect();
    both(
        "17 digits",
        20,
        Bytes::from(format!(
            "{{\"data\":{{\"ndarray\":[[{}]]}}}}",
            full.join(", ")
        )),
    );
    let ints: Vec<String> = (0..150_528)
        .map(|_| format!("{}", (next() * 256.0) as i64))
        .collect();
    both(
        "bytes",
        20,
        Bytes::from(format!(
            "{{\"data\":{{\"ndarray\":[[{}]]}}}}",
            ints.join(", ")
        )),
    );
    let rows: Vec<String> = six
        .chunks(4)
        .map(|r| format!("[{}]", r.join(",")))
        .collect();
    both(
        "rows of four",
        20,
        Bytes::from(format!("{{\"data\":{{\"ndarray\":[{}]}}}}", rows.join(","))),
    );
}
