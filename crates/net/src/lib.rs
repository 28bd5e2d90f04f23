//! What every port of the process needs, whatever is spoken on it: reserve it ([`bind`]), open it
//! ([`Bound::listen`]), take connections from a [`Listener`], give them to a [`Transport`] and
//! drain them in order ([`serve`]), keep their number within limits ([`Connections`]), move long
//! work off the threads that move bytes ([`Offload`], [`Elsewhere`]), and know who may come in: a
//! [`BearerToken`], and with the feature `tls` certificates (`Tls`).
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
mod files;
mod listener;
mod offload;
mod replayed;
mod seldom;
mod serve;
#[cfg(feature = "tls")]
mod tls;
mod token;
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
pub use replayed::Replayed;
pub use seldom::Seldom;
pub use serve::{Drained, serve, serve_within};
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsConfig, TlsCounts, TlsError, TlsFile, TlsIo, TlsListener, TlsVersion};
pub use token::{BearerToken, TokenError};
pub use transport::{Drain, Transport};
pub use write_clock::WriteClock;
