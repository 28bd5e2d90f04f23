//! What every port of the process needs, whatever is spoken on it: reserve it ([`bind`]), open it
//! ([`Bound::listen`]), take connections from a [`Listener`], give them to a [`Transport`] and
//! drain them in order ([`serve`]), keep their number within limits ([`Connections`]), and move
//! long work off the threads that move bytes ([`Offload`], [`Elsewhere`]).
//!
//! It lies beside `streeling-core`, below the transports, and knows nothing of ours. HTTP, routes
//! and the meaning of errors live in the transports.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod activity;
mod bind;
mod connections;
mod counts;
mod cut;
mod drive;
mod elsewhere;
mod listener;
mod offload;
mod seldom;
mod serve;
mod transport;
mod write_clock;

pub use activity::{ActiveIo, Activity, Busy};
pub use bind::{BindError, Bound, bind};
pub use connections::{ConnectionLimit, Connections, Together};
pub use counts::Counted;
pub use cut::Cut;
pub use elsewhere::Elsewhere;
pub use listener::{Connection, Listener, TcpPort};
pub use offload::Offload;
pub use seldom::Seldom;
pub use serve::{Drained, serve, serve_within};
pub use transport::{Drain, Transport};
pub use write_clock::WriteClock;
