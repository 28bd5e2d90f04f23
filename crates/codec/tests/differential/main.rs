//! Generated documents, read here and by Python's `json` and NumPy: same dtype, same shape,
//! same bits, and the same documents refused. `cargo xtask differential` runs it; the arguments are
//! the interpreter, the number of documents and the seed.
#![expect(clippy::print_stdout, reason = "says how much was compared")]

mod documents;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use bytes::Bytes;
use documents::Random;
use streeling_codec::seldon::json;
use streeling_core::{DType, Elements, Payload};

/// What Python does with a document; one line for each.
const SCRIPT: &str = include_str!("reference.py");

fn main() {
    let mut arguments = std::env::args().skip(1);
    let python = arguments.next().expect("the interpreter");
    let count: usize = arguments
        .next()
        .expect("how many")
        .parse()
        .expect("a number");
    let seed: u64 = arguments.next().expect("a seed").parse().expect("a number");

    let mut child = Command::new(python)
        .args(["-W", "ignore", "-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut input = child.stdin.take().expect("piped");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let writer = thread::spawn(move || {
        let mut random = Random::new(seed);
        for _ in 0..count {
            let document = documents::any(&mut random);
            let length = u32::try_from(document.len()).expect("they are small");
            input
                .write_all(&length.to_le_bytes())
                .expect("Python reads");
            input.write_all(&document).expect("Python reads");
        }
    });
    let mut random = Random::new(seed);
    let (mut compared, mut differing, mut arrays) = (0, 0, 0);
    for line in output.lines() {
        let theirs = line.expect("Python writes text");
        let document = Bytes::from(documents::any(&mut random));
        let ours = outcome(&document);
        compared += 1;
        arrays += usize::from(theirs.starts_with("array"));
        let same = ours == theirs || ours == "left to NumPy" && theirs.starts_with("numpy");
        if !same {
            differing += 1;
            println!(
                "{}\n  here   {ours}\n  Python {theirs}",
                document.escape_ascii()
            );
        }
    }
    writer.join().expect("all documents were sent");
    assert!(child.wait().expect("Python ends").success());
    println!("{compared} documents, {arrays} of them arrays of numbers, {differing} differences");
    assert_eq!((compared, differing), (count, 0));
}

/// What a document is read as here, in the words of the script.
fn outcome(document: &Bytes) -> String {
    if streeling_codec::json::check(document).is_err() {
        return "no JSON".to_owned();
    }
    match json::decode_message(document) {
        Ok(message) => match message.payload {
            Payload::Array(data) => match data.elements {
                Elements::Typed(tensor) => {
                    let dtype = match tensor.dtype() {
                        DType::Bool => "bool",
                        DType::I64 => "int64",
                        DType::F64 => "float64",
                        other => panic!("{other:?} does not come from JSON"),
                    };
                    let hex: String = tensor
                        .data()
                        .iter()
                        .map(|byte| format!("{byte:02x}"))
                        .collect();
                    let sides: Vec<String> =
                        tensor.shape().iter().map(ToString::to_string).collect();
                    format!("array {dtype} {} {hex}", sides.join(","))
                }
                Elements::Json(_) => "left to NumPy".to_owned(),
            },
            _ => "something else".to_owned(),
        },
        Err(_) => "something else".to_owned(),
    }
}
