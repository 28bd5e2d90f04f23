//! The two transports of the suite.

use std::path::PathBuf;

/// How exchanges travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// HTTP/1.1 requests.
    Rest,
    /// Calls by seldon-core's own stubs.
    Grpc,
}

impl Transport {
    /// Both, in the order in which they are recorded.
    pub const ALL: [Self; 2] = [Self::Rest, Self::Grpc];

    /// The transport's name in file names and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rest => "rest",
            Self::Grpc => "grpc",
        }
    }

    /// The folder of the exchanges, below `tests/conformance`.
    #[must_use]
    pub fn exchanges(self) -> PathBuf {
        match self {
            Self::Rest => "exchanges".into(),
            Self::Grpc => "exchanges/grpc".into(),
        }
    }

    /// The golden file, below `tests/conformance`.
    #[must_use]
    pub fn golden(self) -> PathBuf {
        format!("golden/{}.json", self.name()).into()
    }
}
