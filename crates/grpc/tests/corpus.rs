//! Replays the corpora of the fuzz targets.

#[path = "../../../fuzz/checks/http2.rs"]
mod http2;
#[path = "../../../fuzz/checks/messages.rs"]
mod messages;

use std::path::Path;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let mut count = 0;
    for entry in std::fs::read_dir(corpus.join(target)).expect("a corpus") {
        let input = std::fs::read(entry.expect("an entry").path());
        check(&input.expect("a readable file"));
        count += 1;
    }
    assert!(count > 20, "{count} inputs");
}

#[test]
fn every_input_of_the_frames_holds() {
    replay("http2", http2::check);
}

#[test]
fn every_input_of_the_packed_messages_holds() {
    replay("messages", messages::check);
}
