//! Serves a Python class: a pool of worker processes that together are one
//! [`Component`](streeling_core::Component).
//!
//! Each worker is an interpreter that runs the small Python package under `python/`, carried in
//! this crate as text. [`Pool`] starts, recycles and replaces them; which request goes to which thread of
//! which worker is decided by a pure state machine (`dispatch`); what passes between the processes
//! is written down in `PROTOCOL.md`.
//!
//! No transport is known here, and no setting: whoever makes the pool says how many workers it
//! has. What an answer looks like on the wire is the unit's and the codec's matter.

mod about;
mod clock;
mod component;
mod dispatch;
mod end;
mod exchange;
mod figures;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod link;
mod log;
mod package;
mod pool;
mod reply;
mod request;
mod seat;
mod service;
mod slots;
mod spawn;
mod supervise;
#[cfg(test)]
mod vectors;
mod worker;

pub use about::About;
pub use pool::{Pool, PoolConfig, Recycle};
pub use service::Service;
pub use slots::Slots;
pub use worker::{StartError, WorkerConfig};
