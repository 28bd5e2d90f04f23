//! What holds for the heads of HTTP/1 requests, whatever bytes they are. Shared by the fuzz target
//! and by the test that replays its corpus.

use streeling_rest::fuzzing;

/// Reads `input` behind its first byte as what a client sends: in one piece, in pieces of as many
/// bytes as the first one says, and byte by byte. How bytes are cut on their way changes nothing.
pub(crate) fn check(input: &[u8]) {
    let Some((&step, bytes)) = input.split_first() else {
        return;
    };
    let whole = fuzzing::heads(bytes, bytes.len().max(1));
    assert_eq!(whole, fuzzing::heads(bytes, usize::from(step).max(1)));
    assert_eq!(whole, fuzzing::heads(bytes, 1));
    let (heads, fault, _) = whole;
    // `A` and an empty line.
    assert!(heads <= bytes.len() as u64 / 5, "{heads} heads");
    if let Some(fault) = fault {
        assert!(!fault.is_empty());
        // Twice the same bytes are refused where once they are.
        let again = fuzzing::heads(&bytes.repeat(2), usize::MAX);
        assert_eq!((heads, Some(fault)), (again.0, again.1));
    }
}
