//! What must not be shown.

use std::fmt;

#[cfg(test)]
use super::Examples;
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};

/// A text that no log and no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text. Do not log it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

/// A bearer token.
pub(crate) struct Token;

/// Bytes of a token at most; it travels in a header.
const LONGEST: usize = 4096;

impl Kind for Token {
    type Value = Secret;

    fn parse(&self, text: &str) -> Parsed<Secret> {
        // A line break comes along where a file was read into the variable.
        let text = text.trim();
        let is_token =
            (1..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        Parsed::of(is_token.then(|| Secret(text.to_owned())))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "1 to 4096 visible ASCII characters".to_owned(),
            Chinese => "1 到 4096 个可见 ASCII 字符".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "TOKEN"
    }

    fn is_secret(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["s3cret", "other-s3cret"], &["two s3crets", "s3crét"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        let Parsed::Value(secret) = Token.parse("s3cret\n") else {
            panic!("a token is not taken");
        };
        assert_eq!(secret.reveal(), "s3cret");
        assert_eq!(format!("{secret:?}"), "<6 bytes>");
        assert!(matches!(Token.parse(&"x".repeat(4097)), Parsed::Bad(None)));
    }
}
