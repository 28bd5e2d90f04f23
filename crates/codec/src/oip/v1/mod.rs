//! `KServe`'s V1 protocol, which is the REST form of TensorFlow Serving: rows in `instances` (or
//! all of it in `inputs`), and `predictions`.
//!
//! A list of lists is an array. A list of objects, each a row with the same names, is a table where
//! every value is a number or text, else one list for each name; so is an object of lists in
//! `inputs`. Other fields are passed over.

mod read;
mod write;

#[cfg(test)]
mod tests;

pub use read::decode;
pub use write::encode;
