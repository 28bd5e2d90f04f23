//! JSON text that is carried, not looked into.

use std::fmt;

use bytes::Bytes;

/// One complete JSON value as text, in the dialect of Python's `json` (so `NaN`, `Infinity` and
/// `-Infinity` are numbers).
///
/// Its maker makes sure that the bytes are valid UTF-8 and hold exactly one value. Carrying
/// text instead of a tree keeps every digit of a number and costs one reference count.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RawJson(Bytes);

impl RawJson {
    /// Wraps text that is already known to be one JSON value, for instance because a parser has
    /// just walked over it.
    #[must_use]
    pub fn from_checked(text: Bytes) -> Self {
        Self(text)
    }

    /// The text of the value.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text of the value as shared bytes, without a copy.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Gives the shared bytes back.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
