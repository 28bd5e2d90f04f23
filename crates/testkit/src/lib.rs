//! What tests of several crates share. A dev-dependency only: nothing that is shipped names it.
//!
//! The golden suite lives here: the exchanges of `tests/conformance`, the recorded responses, the
//! comparison, and the list of allowed differences that is read from `docs/differences.md`. The
//! recorder itself is `cargo xtask conformance`; the test that holds Streeling against the golden
//! file is in the `tests` package. [`Server`] runs the executable as a user does, and [`Scripted`]
//! is the component for tests of the transports alone.

mod golden;
mod http;
mod recorder;
mod scripted;
mod server;

pub use golden::{
    AnyRequest, Call, CallResponse, Difference, Differences, Exchange, Golden, GoldenError, Group,
    Json, Keep, Launch, Rules, Running, Snapshot, StartError, Stubs, Suite, Target, Transport,
    load_groups,
};
pub use http::{Request, Response};
pub use recorder::{Recorder, Seen};
pub use rustix::process::Signal;
pub use scripted::Scripted;
pub use server::{Ended, Loading, Server, ServerCommand, ServerError};
