//! Messages to bytes and back.
//!
//! [`seldon`] holds Seldon's protocol: [`seldon::json`] reads and writes its JSON (`SeldonMessage`,
//! `SeldonMessageList`, `Feedback`) straight between bytes and [`streeling_core::Message`]: a
//! numeric array goes from text into one contiguous typed buffer and from the buffer into text,
//! with no tree of values between. What only NumPy can decide on travels as
//! [`RawJson`](streeling_core::RawJson), a slice of the request's own bytes. `seldon::proto`
//! (feature `proto`) does the same between protobuf and messages. `oip` (feature `oip`) is the Open
//! Inference Protocol in the same way.
//!
//! The other modules serve any protocol: [`json`] and `protobuf` read and write the syntax, and
//! `tensorflow` knows what a `TensorProto` means.
//!
//! Lives elsewhere on purpose: sockets, HTTP and the bodies of errors (the transports), what
//! surrounds a component (`streeling-core`), and the frames of the worker processes
//! (`streeling-python`). There is no runtime and no I/O in here.
//!
//! # Where Python's `json` and NumPy behave otherwise
//!
//! - Values may be nested 512 levels deep. Python goes on until its recursion limit.
//! - The text is UTF-8. Python also guesses UTF-16 and UTF-32 from the first bytes.
//! - Half of a surrogate pair that is encoded as three bytes of its own is no UTF-8 and refused;
//!   Python decodes with `surrogatepass`. Escaped (`"\ud800"`) both take it.
//! - `names` are Rust strings, so an escaped half of a surrogate pair in one of them is an error
//!   here. In arrays and JSON values it goes through as the JSON that it was.
//!
//! # Example
//!
//! `examples/codec.rs` shows the same with an [`ndarray`](https://docs.rs/ndarray) view.
//!
//! ```
//! use bytes::Bytes;
//! use streeling_codec::seldon::json;
//! use streeling_core::{DType, Elements, Payload};
//!
//! let body = Bytes::from_static(br#"{"data":{"names":["a","b"],"ndarray":[[1,2.5]]}}"#);
//! let message = json::decode_message(&body)?;
//!
//! let Payload::Array(array) = &message.payload else { panic!("not an array") };
//! let Elements::Typed(tensor) = &array.elements else { panic!("not numbers") };
//! assert_eq!((tensor.dtype(), tensor.shape()), (DType::F64, &[1, 2][..]));
//! assert_eq!(tensor.as_slice::<f64>(), Some(&[1.0, 2.5][..]));
//!
//! let mut response = Vec::new();
//! json::encode_message(&message, &mut response);
//! assert_eq!(response, br#"{"data":{"names":["a","b"],"ndarray":[[1.0,2.5]]},"meta":{}}"#);
//! # Ok::<(), streeling_codec::DecodeError>(())
//! ```

#![cfg_attr(doctest, doc = include_str!("../README.md"))]

mod error;
pub mod json;
#[cfg(feature = "oip")]
pub mod oip;
#[cfg(feature = "proto")]
mod protobuf;
pub mod seldon;
mod tensorflow;

pub use error::DecodeError;
pub use tensorflow::REPEATED_LIMIT;
