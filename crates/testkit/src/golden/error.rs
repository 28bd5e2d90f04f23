use std::io;
use std::path::PathBuf;

/// Why the suite cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A file or a folder cannot be read or written.
    #[error("cannot access {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file does not have the form that this crate reads.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// Two exchanges share an id.
    #[error("exchange \"{id}\" occurs twice")]
    Twice {
        /// The id.
        id: String,
    },
    /// An exchange without a recorded response.
    #[error("no recorded response for \"{id}\", run `cargo xtask conformance record`")]
    Unrecorded {
        /// The exchange's or the group's id.
        id: String,
    },
    /// A pattern of a difference that names nothing.
    #[error("difference \"{difference}\": the pattern \"{pattern}\" matches no exchange")]
    Idle {
        /// The difference's name.
        difference: String,
        /// The pattern.
        pattern: String,
    },
    /// A difference of the start that covers no group, or one that seldon-core starts alike.
    #[error(
        "difference \"{difference}\": its `start` must be the opposite of seldon-core's in each \
         group that it covers, and it must cover one"
    )]
    SameStart {
        /// The difference's name.
        difference: String,
    },
    /// Two differences want the same exchange.
    #[error("exchange \"{id}\" is covered by the differences \"{first}\" and \"{second}\"")]
    Covered {
        /// The exchange.
        id: String,
        /// A difference's name.
        first: String,
        /// Another difference's name.
        second: String,
    },
}
