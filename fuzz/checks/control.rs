//! What holds for the frames on the control socket of a process, whatever bytes it sends. Shared by
//! the fuzz target and by the test that replays its corpus.

use streeling_python::fuzzing;

/// Reads `input` as the body of every kind of frame that a process sends. What is refused says why.
pub(crate) fn check(input: &[u8]) {
    for error in fuzzing::control(input) {
        assert!(!error.is_empty());
    }
}
