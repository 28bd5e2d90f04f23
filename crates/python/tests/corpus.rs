//! Replays the corpora of the fuzz targets.

#[path = "../../../fuzz/checks/control.rs"]
mod control;
#[path = "../../../fuzz/checks/frames.rs"]
mod frames;

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
fn every_input_of_the_frames_holds() {
    replay("frames", frames::check);
}

#[test]
fn every_input_of_the_control_frames_holds() {
    replay("control", control::check);
}
