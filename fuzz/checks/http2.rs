//! What holds for the heads of HTTP/2 frames, and for `grpc-timeout`, whatever bytes they are.
//! Shared by the fuzz target and by the test that replays its corpus.

use std::time::Duration;

use streeling_grpc::fuzzing;

/// The most that eight digits say, in hours.
const LONGEST: Duration = Duration::from_secs(99_999_999 * 3600);

/// Reads `input` behind its first byte as what a client sends, once in one piece and once in pieces
/// of as many bytes as the first one says; and as the value of a header.
pub(crate) fn check(input: &[u8]) {
    let Some((&step, bytes)) = input.split_first() else {
        return;
    };
    let whole = fuzzing::heads(bytes, bytes.len().max(1));
    assert_eq!(whole, fuzzing::heads(bytes, usize::from(step).max(1)));
    // A head has nine bytes.
    assert!(whole.len() <= bytes.len() / 9);
    match fuzzing::timeout(bytes) {
        Some(Ok(waits)) => assert!(waits <= LONGEST && (2..=9).contains(&bytes.len())),
        Some(Err(text)) => assert!(!text.is_empty()),
        None => {}
    }
}
