//! What tests of several crates share. A dev-dependency only: nothing that is shipped names it.
//!
//! The golden suite lives here: the exchanges of `tests/conformance`, the recorded responses, the
//! allowed differences, the comparison. The recorder itself is `cargo xtask conformance`; the test
//! that holds Streeling against the golden file is in the `tests` package. [`Server`] runs the
//! executable as a user does. [`Harness`] serves a [`Scripted`] model over one transport in memory,
//! for tests of the transports alone.

mod golden;
mod harness;
mod http;
#[cfg(feature = "parity")]
pub mod oip;
#[cfg(feature = "parity")]
mod parity;
mod pipe;
mod recorder;
mod scripted;
mod server;
mod wire;

pub use golden::{
    AnyRequest, Audience, Call, CallResponse, Difference, DifferenceList, Differences, Exchange,
    Golden, GoldenError, Group, Heading, Keep, Launch, Row, Running, Snapshot, StartError, Stubs,
    Suite, Target, Transport, load_groups,
};
pub use harness::Harness;
pub use http::{Client, Request, Response};
#[cfg(feature = "parity")]
pub use parity::{Finding, Held, KnownKinds, ParityError, Shape, Shapes, hold, lay_out, responses};
pub use pipe::{Dialer, PipeListener, pipe};
pub use recorder::{Recorder, Seen};
pub use rustix::process::Signal;
pub use scripted::{Count, Scripted};
pub use server::{Ended, Loading, Server, ServerCommand, ServerError};
pub use wire::{Conversation, Passage, Protocol, Recording, RecordingError, Relay, Side, Step};
