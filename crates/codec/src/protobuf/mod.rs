//! Protobuf for any protocol: the wire, and `google.protobuf.Value`.
//!
//! The reader walks over the wire bytes itself, and what is bytes there can become a slice of the
//! body, without a copy. Unknown fields are passed over; groups are refused. As every protobuf
//! library has it, messages may be nested 100 levels deep, a field that comes twice counts the last
//! time, and a message that comes twice is merged.

pub(crate) mod body;
pub(crate) mod lists;
pub(crate) mod nested;
pub(crate) mod value;
pub(crate) mod wire;
pub(crate) mod write;
pub(crate) mod write_value;
