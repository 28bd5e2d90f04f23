//! Replays the corpus of the fuzz target.

#[path = "../../../fuzz/checks/traces.rs"]
mod traces;

#[test]
fn every_input_of_the_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/traces");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        traces::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 50, "{count} inputs");
}
