//! JSON for any protocol.
//!
//! The dialect is that of Python's `json`: `NaN`, `Infinity` and `-Infinity` are numbers, of a key
//! that comes twice the last one counts, and a byte order mark at the start is skipped. The text is
//! UTF-8: half of a surrogate pair may be escaped in a string, but not encoded as three bytes of
//! its own. Values may be nested 512 levels deep.

pub(crate) mod array;
pub(crate) mod binary;
pub(crate) mod document;
pub(crate) mod fields;
pub(crate) mod float;
pub(crate) mod number;
pub(crate) mod scan;
mod short;
pub(crate) mod writer;

pub use document::{check, value_at};
pub(crate) use writer::float_in_protobuf_form;
pub use writer::{encode_float, encode_string};
