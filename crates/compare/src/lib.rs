//! Sends the same requests to two servers and says where the responses differ.
//!
//! For operators: `streeling compare` holds a new server against the old one before traffic moves,
//! `streeling test` sends what a contract describes. The comparison of JSON is also what the golden
//! suite and the parity run use, so that "equal" means one thing.
//!
//! Nothing of the server lives here, and the server's crates do not know this one: it is a client
//! that knows the protocol by `streeling-proto` alone. Starting servers is the business of the one
//! who compares them.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod clip;
mod codes;
#[cfg(feature = "client")]
mod commands;
#[cfg(feature = "client")]
mod contract;
mod glob;
mod json;
#[cfg(feature = "client")]
mod kinds;
#[cfg(feature = "client")]
mod latency;
#[cfg(feature = "client")]
mod messages;
#[cfg(feature = "client")]
mod reply;
#[cfg(feature = "client")]
mod report;
#[cfg(feature = "client")]
mod request;
#[cfg(feature = "client")]
mod run;
#[cfg(feature = "client")]
mod target;
#[cfg(feature = "client")]
mod verdict;

pub use codes::CODES;
#[cfg(feature = "client")]
pub use commands::{TOOLS, Tool, tool};
pub use glob::glob;
pub use json::{Json, Rules};
#[cfg(feature = "client")]
pub use kinds::{by_kind, kind};
#[cfg(feature = "client")]
pub use messages::Messages;
#[cfg(feature = "client")]
pub use reply::Reply;
#[cfg(feature = "client")]
pub use report::{Difference, Report};
#[cfg(feature = "client")]
pub use request::{Call, HttpRequest, Request, RequestError, Sent};
#[cfg(feature = "client")]
pub use run::{Exchange, Pace, exchange, send};
#[cfg(feature = "client")]
pub use target::{Target, TargetError};
#[cfg(feature = "client")]
pub use verdict::{Verdict, judge};
