//! Reads and writes the document in a file, again and again: what `cargo xtask bench codec` puts
//! beside Python. Prints the median microseconds of reading and of writing.
#![expect(clippy::print_stdout, reason = "it exists to print measurements")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use streeling_codec::seldon::json;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|word| word != "--bench");
    let path = arguments.next().expect("the document");
    let rounds: usize = arguments
        .next()
        .expect("how often")
        .parse()
        .expect("a number");
    let body = Bytes::from(std::fs::read(path).expect("the document can be read"));
    let message = json::decode_message(&body).expect("the document is a message");
    let read = median(rounds, || {
        black_box(json::decode_message(black_box(&body)).expect("as before"));
    });
    let written = median(rounds, || {
        let mut out = Vec::new();
        json::encode_message(black_box(&message), &mut out);
        black_box(out);
    });
    println!("{read} {written}");
}

fn median(rounds: usize, mut work: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
