//! What holds for the ways in which a request over REST brings its JSON, whatever bytes it has.
//! Shared by the fuzz target and by the test that replays its corpus.

use bytes::Bytes;
use streeling_core::Method;
use streeling_rest::fuzzing;

const METHODS: [Method; 4] = [
    Method::Predict,
    Method::Aggregate,
    Method::SendFeedback,
    Method::HealthStatus,
];

/// Reads the first line of `input` as the content type, the second as the query, the rest as the
/// body. What is refused says why.
pub(crate) fn check(input: &[u8]) {
    let mut lines = input.splitn(3, |&byte| byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (kind, query, body) = (line(), line(), line());
    // A header that is no text counts as another type; a query is text.
    let (Ok(kind), Ok(query)) = (std::str::from_utf8(kind), std::str::from_utf8(query)) else {
        return;
    };
    for method in METHODS {
        for query in [None, Some(query)] {
            let body = Bytes::copy_from_slice(body);
            if let Err(error) = fuzzing::input(method, kind, query, body) {
                assert!(!error.to_string().is_empty());
                // However long the body is, what is shown of it is short.
                assert!(error.info.len() < 4096, "{}", error.info);
            }
        }
    }
}
