//! The memory of a process.

use super::numbers::bytes;
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};

#[cfg(test)]
use super::Examples;

/// The memory that a process may take, in bytes, with a unit or without; 0: any.
pub(crate) struct MemoryLimit;

/// The least and the most of it: a mebibyte, a pebibyte.
const LEAST: u64 = 1 << 20;
const MOST: u64 = 1 << 50;

impl Kind for MemoryLimit {
    type Value = Option<u64>;

    fn parse(&self, text: &str) -> Parsed<Option<u64>> {
        let limit = match bytes(text) {
            Some(0) => Some(None),
            Some(limit) if (LEAST..=MOST).contains(&limit) => Some(Some(limit)),
            _ => None,
        };
        Parsed::of(limit)
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "0, or 1 MiB to 1048576 GiB: bytes, or a number with a unit: KB MB GB KiB \
                        MiB GiB"
                .to_owned(),
            Chinese => "0，或 1 MiB 到 1048576 GiB：字节数，或带单位的数字：KB MB GB KiB MiB GiB"
                .to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "BYTES"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(
            ["0", "6 GiB"],
            &["", "-1", "1TB", "1023KiB", "1048577GiB", "x"],
        )
    }
}
