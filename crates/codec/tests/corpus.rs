//! Replays what fuzzing has found worth keeping.

#[path = "../../../fuzz/checks/json.rs"]
mod json;
#[cfg(all(feature = "oip", feature = "proto"))]
#[path = "../../../fuzz/checks/oip_proto.rs"]
mod oip_proto;
#[cfg(feature = "proto")]
#[path = "../../../fuzz/checks/proto.rs"]
mod proto;

use std::path::Path;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let entries = std::fs::read_dir(corpus.join(target)).expect("the corpus is in the repository");
    let mut count = 0;
    for entry in entries {
        let input = entry.and_then(|entry| std::fs::read(entry.path()));
        check(&input.expect("a readable file"));
        count += 1;
    }
    assert!(count > 100, "{count} inputs");
}

#[test]
fn every_input_of_the_json_corpus_holds() {
    replay("json", json::check);
}

#[cfg(feature = "proto")]
#[test]
fn every_input_of_the_protobuf_corpus_holds() {
    replay("proto", proto::check);
}

#[cfg(all(feature = "oip", feature = "proto"))]
#[test]
fn every_input_of_the_corpus_of_the_open_inference_protocol_holds() {
    replay("oip_proto", oip_proto::check);
}
