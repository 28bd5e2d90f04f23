//! What can go wrong.

use std::io;
use std::path::PathBuf;

use streeling_compare::{RequestError, TargetError};

/// Why a group cannot be read, sent or compared.
#[derive(Debug, thiserror::Error)]
pub enum OipError {
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file that does not have its form.
    #[error("{}: {what}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is allowed.
        what: String,
    },
    /// A line that is no request.
    #[error("{}: {source}", path.display())]
    Request {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: RequestError,
    },
    /// The server is not there.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The runtime of the client.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// No response came.
    #[error("no response to {id}: {error}")]
    Silent {
        /// The exchange.
        id: String,
        /// Why.
        error: String,
    },
}
