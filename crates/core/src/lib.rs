//! The vocabulary that every other crate of Streeling speaks.
//!
//! A [`Message`] is what goes over the wire, a [`Tensor`] the numbers in it, a [`Component`] what
//! answers, a [`Unit`] what the server does around every component (names, tags, metrics, request
//! path), and an [`ErrorKind`] why there is no answer. A [`Call`] is one request on its way, and an
//! [`Observer`] is told of it.
//!
//! It sits at the bottom of the workspace. Bytes on the wire are read and written in
//! `streeling-codec`, sockets live in the transports, Python in `streeling-python`; none of them is
//! known here, and neither are protobuf, command lines or metrics backends.

#[cfg(target_endian = "big")]
compile_error!("tensors are kept in little-endian memory order; big-endian machines need a port");

mod call;
mod component;
mod error;
mod figure;
mod message;
mod meta;
mod names;
mod observer;
mod raw;
mod request_id;
mod table;
mod tensor;
mod unique;
mod unit;

pub use call::{Call, Code, Head, Stage, Subject, Trace, Transport};
pub use component::{Answer, Component, Context, Encoding, Feedback, Method, Output, Request};
pub use error::{Error, ErrorKind, Result};
pub use figure::{Figure, Figures};
pub use message::{Array, Data, Form, Message, Payload, Status};
pub use meta::{Meta, Metric, MetricKind, Number};
pub use names::Names;
pub use observer::{Answered, Headers, Observer, Observers, Watched};
pub use raw::RawJson;
pub use request_id::RequestId;
pub use table::{Iter as TableIter, Table};
pub use tensor::{DType, Element, ShapeError, Tensor};
pub use unique::{unique_u64, unique_u128};
pub use unit::{Unit, UnitConfig};
