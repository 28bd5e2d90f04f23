//! What a request is called in logs.

use std::fmt;

use crate::unique::unique_u128;

/// The name of one request: its caller's, or one made here, which is turned into text only where it
/// is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Given(Box<str>),
    Made(u128),
}

impl RequestId {
    /// Bytes of a caller's id that are kept.
    pub const LONGEST: usize = 128;

    /// The caller's id, cut at [`RequestId::LONGEST`]; `None` for one of which nothing is left.
    /// What is not visible ASCII, and quotes, become `_`.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        // One word, whatever it is: what is logged can then be found and taken apart.
        let word: String = text
            .trim()
            .chars()
            .map(|c| match c {
                '"' | '\\' => '_',
                c if c.is_ascii_graphic() => c,
                _ => '_',
            })
            .take(Self::LONGEST)
            .collect();
        (!word.is_empty()).then(|| Self(Kind::Given(word.into())))
    }

    /// An id of our own: 32 hexadecimal digits, never the same twice.
    #[must_use]
    pub fn made() -> Self {
        Self(Kind::Made(unique_u128()))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Given(text) => f.write_str(text),
            Kind::Made(number) => {
                let digits = digits(*number);
                f.write_str(std::str::from_utf8(&digits).unwrap_or_default())
            }
        }
    }
}

/// 32 hexadecimal digits. Every request is named to its worker, and the formatter for numbers of
/// 128 bits takes ten times as long.
fn digits(number: u128) -> [u8; 32] {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_one_short_word() {
        let given = |text: &str| RequestId::given(text).map(|id| id.to_string());
        assert_eq!(given(" a-1 ").as_deref(), Some("a-1"));
        assert_eq!(given("a b\té\"\\").as_deref(), Some("a_b____"));
        assert_eq!(given(" "), None);
        assert_eq!(given(&"x".repeat(1000)).unwrap().len(), RequestId::LONGEST);
    }

    #[test]
    fn made_ids_differ() {
        let ids: std::collections::BTreeSet<String> =
            (0..1000).map(|_| RequestId::made().to_string()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 32));
        let number = 0x0123_4567_89ab_cdef_u128;
        assert_eq!(digits(number), *format!("{number:032x}").as_bytes());
    }
}
