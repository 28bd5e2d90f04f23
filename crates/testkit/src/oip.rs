//! What other servers of the Open Inference Protocol responded, and in what this one differs
//! (`tests/conformance/oip`).
//!
//! `cargo xtask conformance oip` records them; the test in the `tests` package sends the requests
//! again.

mod case;
mod error;
mod group;
mod list;
mod response;
mod suite;

pub use error::OipError;
pub use group::{Group, Peer};
pub use list::{Differences, Row};
pub use response::{Recorded, Recording};
pub use suite::{Findings, Suite};

/// Where everything of this is, below the repository's root.
pub const FOLDER: &str = "tests/conformance/oip";
