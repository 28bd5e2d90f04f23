//! What decoding takes for the short things that documents can have many of.
//!
//! Each number is an upper bound of what one takes at the worst moment, when the list or table that
//! it is in has just doubled, and of what the worker's frame takes for it afterwards;
//! `tests/memory.rs` holds them against what is allocated.

use streeling_core::{Message, Metric};

/// A message, in a list that grows.
pub(super) const MESSAGE: usize = 3 * size_of::<Message>() + 128;

/// A message, in a list of so many as there are.
#[cfg(feature = "proto")]
pub(super) const COUNTED_MESSAGE: usize = size_of::<Message>() + 128;

/// A metric, in a list that grows.
pub(super) const METRIC: usize = 3 * size_of::<Metric>() + 64;

/// An entry of a table, beside the text in it.
pub(super) const ENTRY: usize = 512;

/// A name of a column, beside its text.
pub(super) const NAME: usize = 4 * size_of::<String>();
