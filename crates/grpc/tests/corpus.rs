//! Replays the corpus of the fuzz target.

#[path = "../../../fuzz/checks/http2.rs"]
mod http2;

#[test]
fn every_input_of_the_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/http2");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        http2::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 20, "{count} inputs");
}
