//! Bodies and messages that are compressed, in the ways that HTTP and gRPC share.
//!
//! Little can become much, so what comes out is bounded, and charged before memory grows.

mod pack;
mod unpack;

use std::fmt;

pub use pack::pack;
pub use unpack::{UnpackError, unpack};

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952, in one member or several.
    Gzip,
    /// RFC 1950. What some senders call so, RFC 1951 without the zlib format around it, is
    /// recognised.
    Deflate,
    /// RFC 8878, in one frame or several.
    Zstd,
}

impl Coding {
    /// All of them, the one that most receivers know first.
    pub const ALL: [Self; 3] = [Self::Gzip, Self::Deflate, Self::Zstd];

    /// Its name, in HTTP and in gRPC.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    /// The one of this name, in lower case.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|coding| coding.name().as_bytes() == name)
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
