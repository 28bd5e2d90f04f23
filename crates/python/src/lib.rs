//! Serves a Python class: a pool of worker processes that together are one
//! [`Service`](streeling_core::Service).
//!
//! Each worker is an interpreter that runs the small Python package under `python/`, carried in
//! this crate as text. [`Pool`] starts, recycles and replaces them; which request goes to which
//! thread of which worker is decided by a pure state machine (`dispatch`); what passes between the
//! processes is written down in `PROTOCOL.md`.
//!
//! The modules depend on each other in one direction, from `frame` and `connection` by way of
//! `worker`, `registry`, `serve` and `supervisor` to `pool`, and from there to what is called on a
//! pool: `exchange`, `service`, `custom_service`, `about`, `metrics`.
//!
//! There is no transport in here, and no setting: the caller decides how many workers a pool has.
//! What a response looks like to a client is decided by the layer `Annotate` and the codec.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod about;
mod clock;
mod component;
mod config;
mod connection;
mod control;
#[doc(hidden)]
pub mod counted;
mod custom_service;
mod dispatch;
mod error;
mod exchange;
mod exit;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod generation;
mod handle;
mod held;
mod http;
mod interpreter;
mod item;
mod lack;
mod loaded;
mod lock;
mod memory;
mod methods;
mod metrics;
mod names;
mod orphans;
mod output;
mod package;
mod pool;
mod process;
mod quarantine;
mod registry;
mod reply;
mod request;
mod responder;
mod serve;
mod service;
mod shared;
mod slot;
mod snapshot;
mod spawn;
mod stacks;
mod statistics;
mod subject;
mod summary;
mod supervisor;
mod template;
mod tensors;
#[cfg(test)]
mod vectors;
mod worker;

pub use about::About;
pub use component::{ComponentConfig, LoadIn, WorkerConfig, WorkerStart, WorkerTracing};
pub use config::{PoolConfig, Recycle};
pub use custom_service::CustomService;
pub use error::StartError;
pub use generation::Generation;
pub use interpreter::find_interpreter;
pub use package::remove_packages;
pub use pool::Pool;
pub use slot::WorkerSlots;
pub use snapshot::{PoolSnapshot, RequestSnapshot, WorkerSnapshot};
