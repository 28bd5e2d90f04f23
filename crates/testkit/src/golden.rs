//! The golden suite: exchanges, recorded responses, allowed differences, comparison.

mod differences;
mod error;
mod exchange;
mod launch;
mod recording;
mod send;
mod snapshot;
mod stubs;
mod suite;
mod transport;

pub use differences::{Audience, Difference, DifferenceList, Differences, Heading, Row};
pub use error::GoldenError;
pub use exchange::{AnyRequest, Exchange, Group, Keep, load_groups};
pub use launch::{Launch, Running, StartError};
pub use recording::Golden;
pub use send::Target;
pub use snapshot::Snapshot;
pub use stubs::{Call, CallResponse, Stubs};
pub use suite::Suite;
pub use transport::Transport;
