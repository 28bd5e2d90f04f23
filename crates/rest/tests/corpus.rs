//! Replays the corpora of the fuzz targets.

#[path = "../../../fuzz/checks/forms.rs"]
mod forms;
#[path = "../../../fuzz/checks/http1.rs"]
mod http1;
#[path = "../../../fuzz/checks/multipart.rs"]
mod multipart;

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
    assert!(count > 50, "{count} inputs");
}

#[test]
fn every_input_of_the_multipart_bodies_holds() {
    replay("multipart", multipart::check);
}

#[test]
fn every_input_of_the_forms_holds() {
    replay("forms", forms::check);
}

#[test]
fn every_input_of_the_heads_holds() {
    replay("http1", http1::check);
}
