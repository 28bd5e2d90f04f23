//! What holds for the frames of a worker whatever bytes it sends. Shared by the fuzz target and by
//! the test that replays its corpus.

use streeling_python::fuzzing;

/// Longest frame that is accepted, small enough that inputs reach beyond it.
const LIMIT: usize = 4096;

/// Reads `input` behind its first byte as what a worker sends, once in one piece and once in pieces
/// of as many bytes as the first one says. Both must come to the same.
pub(crate) fn check(input: &[u8]) {
    let Some((&step, stream)) = input.split_first() else {
        return;
    };
    let whole = fuzzing::replies(stream, stream.len().max(1), LIMIT);
    let pieces = fuzzing::replies(stream, usize::from(step).max(1), LIMIT);
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => assert_eq!(whole, pieces),
        (Err(whole), Err(pieces)) => assert_eq!(whole.to_string(), pieces.to_string()),
        (whole, pieces) => panic!("{whole:?} in one piece, {pieces:?} in pieces"),
    }
}
