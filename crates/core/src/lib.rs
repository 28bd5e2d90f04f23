//! The vocabulary that every other crate of Streeling speaks.
//!
//! A [`Message`] is what goes over the wire, a [`Tensor`] the numbers in it, a [`Component`] what
//! answers, a [`Unit`] what the server does around every component (names, tags, metrics, request
//! path), and an [`ErrorKind`] why there is no answer.
//!
//! It sits at the bottom of the workspace. Bytes on the wire are read and written in
//! `streeling-codec`, sockets live in the transports, Python in `streeling-python`; none of them is
//! known here, and neither are protobuf, command lines or metrics backends.

#[cfg(target_endian = "big")]
compile_error!("tensors are kept in little-endian memory order; big-endian machines need a port");

mod component;
mod error;
mod message;
mod meta;
mod names;
mod observer;
mod raw;
mod table;
mod tensor;
mod unit;

pub use component::{Answer, Component, Context, Encoding, Feedback, Method, Output, Request};
pub use error::{Error, ErrorKind, Result};
pub use message::{Array, Data, Form, Message, Payload, Status};
pub use meta::{Meta, Metric, MetricKind, Number};
pub use names::Names;
pub use observer::Observer;
pub use raw::RawJson;
pub use table::{Iter as TableIter, Table};
pub use tensor::{DType, Element, ShapeError, Tensor};
pub use unit::{Unit, UnitConfig};
