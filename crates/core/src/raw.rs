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

    /// Whether Python takes the value for false: null, zero, an empty text, list or object.
    #[must_use]
    pub fn is_falsy(&self) -> bool {
        match self.as_bytes() {
            b"null" | b"false" | b"\"\"" => true,
            [b'[' | b'{', inner @ .., _] => inner.trim_ascii().is_empty(),
            [b'0'..=b'9', ..] | [b'-', b'0'..=b'9', ..] => {
                // Zero is the number all of whose digits are, whatever its exponent.
                let number = self.as_bytes().split(|byte| matches!(byte, b'e' | b'E'));
                let digits = number
                    .take(1)
                    .flatten()
                    .filter(|byte| byte.is_ascii_digit());
                digits.copied().all(|digit| digit == b'0')
            }
            _ => false,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falsy_is_what_python_takes_for_false() {
        let is_falsy = |text: &'static str| RawJson::from_checked(text.into()).is_falsy();
        for text in [
            "null", "false", "\"\"", "0", "-0", "0.0", "-0.00", "0e5", "0E-1", "[]", "[ \n]", "{ }",
        ] {
            assert!(is_falsy(text), "{text}");
        }
        for text in [
            "true",
            "\"0\"",
            "1",
            "-1",
            "0.01",
            "10",
            "1e0",
            "[0]",
            "{\"\":0}",
            "NaN",
            "-Infinity",
        ] {
            assert!(!is_falsy(text), "{text}");
        }
    }
}
