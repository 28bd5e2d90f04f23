//! The vocabulary that every other crate of Streeling speaks.
//!
//! A [`Request`] is a call of a [`Method`] on one or many [`Message`]s, a [`Response`] what comes
//! back; a [`Tensor`] holds the numbers in them. A [`Service`] is what is called: a [`Component`]
//! written in Rust, a pool of Python workers, or a [`Layer`] around another service, such as
//! [`Annotate`]. An [`ErrorKind`] says why there is no response. A [`RequestContext`] is one
//! request on its way through the server, and [`Observer`]s are notified of it.
//!
//! It sits at the bottom of the workspace and knows no protocol. Bytes on the wire are read and
//! written in `streeling-codec`, sockets live in the transports, Python in `streeling-python`; none
//! of them is known here, and neither are protobuf, command lines or metrics backends.

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(target_endian = "big")]
compile_error!("tensors are kept in little-endian memory order; big-endian machines need a port");

mod annotate;
mod columns;
mod component;
mod error;
mod limit;
mod memory;
mod message;
mod meta;
mod meter;
mod method;
mod models;
mod names;
mod observer;
mod open_requests;
mod original;
mod output;
mod raw;
mod request;
mod request_context;
mod request_id;
mod sample;
mod service;
mod stage;
mod table;
mod tensor;
mod transport;
mod unique;

pub use annotate::Annotate;
pub use component::{Component, service, wrong_input};
pub use error::{Error, ErrorKind, Result};
pub use limit::Limit;
pub use memory::{Account, Budget, Charge, LARGE, REQUEST, Use};
pub use message::{Array, Elements, Layout, Message, Named, Payload, Status};
pub use meta::{Meta, Metric, MetricKind, Number, Untyped};
pub use meter::Meter;
pub use method::Method;
pub use models::{Model, Models};
pub use names::Names;
pub use observer::{Headers, Observer, Observers, RequestGuard};
pub use open_requests::OpenRequests;
pub use original::{Header, Original, Page, Wants};
pub use output::{ComponentOutput, StandardStream};
pub use raw::RawJson;
pub use request::{Feedback, Input, Request, Response};
pub use request_context::{Operation, Phase, RequestContext, RequestInfo, Trace};
pub use request_id::RequestId;
pub use sample::{MetricSource, Sample};
pub use service::{Calling, Context, Encoding, Layer, RawMessage, Service};
pub use stage::Stage;
pub use table::Table;
pub use tensor::{DType, Element, ShapeError, Tensor};
pub use transport::{Code, Outcome, Transport};
pub use unique::{unique_u64, unique_u128};
