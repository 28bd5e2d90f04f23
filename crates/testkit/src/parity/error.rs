//! What can go wrong.

use std::io;

use streeling_compare::TargetError;

/// Why a class cannot be run, or its recording read.
#[derive(Debug, thiserror::Error)]
pub enum ParityError {
    /// A file or the runtime.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server is not there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// No response came.
    #[error("no response to {id}: {error}")]
    Silent {
        /// The class and the exchange's name.
        id: String,
        /// Why.
        error: String,
    },
    /// A line of the recording that cannot be read.
    #[error("line {line}: {what}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A request that cannot be sent.
    #[error("{id}: {what}")]
    Request {
        /// The class and the exchange's name.
        id: String,
        /// What is wrong.
        what: String,
    },
}
