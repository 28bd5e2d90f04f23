//! The memory of a process.

use super::numbers::{Memory, bytes, memory};
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};

#[cfg(test)]
use super::Examples;

/// As [`Memory`], or 0: any.
pub(crate) struct MemoryLimit;

impl Kind for MemoryLimit {
    type Value = Option<u64>;

    fn parse(&self, text: &str) -> Parsed<Option<u64>> {
        Parsed::of(match bytes(text) {
            Some(0) => Some(None),
            _ => memory(text).map(Some),
        })
    }

    fn allowed(&self, language: Language) -> String {
        let other = Memory.allowed(language);
        match language {
            English => format!("0, or {other}"),
            Chinese => format!("0，或 {other}"),
        }
    }

    fn placeholder(&self) -> &'static str {
        Memory.placeholder()
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
