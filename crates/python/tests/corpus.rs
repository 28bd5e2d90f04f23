//! Replays the corpus of the fuzz target.

#[path = "../../../fuzz/checks/frames.rs"]
mod checks;

#[test]
fn every_input_of_the_corpus_holds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/frames");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        checks::check(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count > 100, "{count} inputs");
}
