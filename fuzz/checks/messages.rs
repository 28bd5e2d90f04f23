//! What holds for packed messages of gRPC, whatever bytes they are. Shared by the fuzz target and
//! by the test that replays its corpus.

use streeling_grpc::fuzzing;

/// Reads `input` behind its first byte as a message, packed in any way, which may be of as many
/// bytes as the first one says, 256-fold.
pub(crate) fn check(input: &[u8]) {
    let Some((&most, packed)) = input.split_first() else {
        return;
    };
    let most = usize::from(most) << 8;
    for encoding in ["gzip", "deflate", "zstd"] {
        match fuzzing::unpacked(packed, encoding, most) {
            Ok(message) => {
                assert!(message.len() <= most, "{} of {most}", message.len());
                // A larger limit changes nothing but what is refused.
                let again = fuzzing::unpacked(packed, encoding, most + 1);
                assert_eq!(again.ok(), Some(message));
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
