//! The bearer token that a client must bring.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use subtle::{Choice, ConstantTimeEq as _};

use crate::files::{self, Errors, Files};

/// Bytes of a token at most; it travels in a header.
const LONGEST: usize = 4096;

/// Tokens at most, each of which is compared with what a client brings.
const MOST: usize = 16;

/// A token cannot be used. What it is does not stand in the error.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(String);

/// The tokens that clients are let in with. Clones share them. Its `Debug` does not show them.
#[derive(Clone)]
pub struct BearerToken(Arc<Inner>);

struct Inner {
    file: Option<Files>,
    tokens: RwLock<Arc<[Box<[u8]>]>>,
}

impl BearerToken {
    /// A token that stays as it is.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when it is empty, longer than 4096 bytes, or not all visible ASCII.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        Ok(Self::with(None, tokens(token.as_bytes())?))
    }

    /// The tokens of a file, one on each line. Several count while one takes the other's place.
    ///
    /// # Errors
    ///
    /// [`TokenError`] when the file cannot be read, when it has no token or more than 16, or for a
    /// token as with [`BearerToken::new`].
    pub fn from_file(path: &Path) -> Result<Self, TokenError> {
        let file = Files::now(vec![path.to_owned()]);
        Ok(Self::with(Some(file), read(path)?))
    }

    fn with(file: Option<Files>, tokens: Arc<[Box<[u8]>]>) -> Self {
        let tokens = RwLock::new(tokens);
        Self(Arc::new(Inner { file, tokens }))
    }

    /// From now on the file is read again when it changes. Where it cannot be used then, the old
    /// tokens stay, and the log says so.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn follow(&self) -> io::Result<()> {
        let Some(file) = self.0.file.clone() else {
            return Ok(());
        };
        let (alive, inner) = (Arc::downgrade(&self.0), Arc::downgrade(&self.0));
        let is_needed = move || alive.strong_count() > 0;
        let mut errors = Errors::default();
        file.follow(is_needed, move |has_changed| {
            let Some(inner) = inner.upgrade() else {
                return true;
            };
            let Some(path) = inner.path() else {
                return true;
            };
            match read(path) {
                Ok(tokens) => {
                    let count = tokens.len();
                    *inner.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens;
                    let file = path.display();
                    tracing::info!(%file, tokens = count, "bearer tokens are read again");
                    true
                }
                Err(error) => {
                    if errors.is_new(has_changed, &error) {
                        tracing::error!(
                            file = %path.display(),
                            "the bearer tokens stay as they were: the file cannot be used: {error}"
                        );
                    }
                    false
                }
            }
        })
    }

    /// Whether a client is let in that brings these `Authorization` headers: exactly one, of the
    /// scheme `Bearer`, with one of the tokens. How long that takes depends on what the client
    /// sends, not on how much of it is right.
    #[must_use]
    pub fn permits<'a>(&self, mut headers: impl Iterator<Item = &'a [u8]>) -> bool {
        let (Some(header), None) = (headers.next(), headers.next()) else {
            return false;
        };
        let Some(brought) = credentials(header) else {
            return false;
        };
        // It can be none of them, and to compare that much would hold up other connections.
        if brought.len() > LONGEST {
            return false;
        }
        let tokens = self.0.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let any = tokens
            .iter()
            .fold(Choice::from(0), |any, token| any | equal(brought, token));
        any.into()
    }
}

impl Inner {
    fn path(&self) -> Option<&Path> {
        self.file.as_ref()?.first()
    }
}

impl PartialEq for BearerToken {
    /// Whether they are clones of each other.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for BearerToken {}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken")
            .field("file", &self.0.path())
            .finish_non_exhaustive()
    }
}

/// What follows the scheme `Bearer`.
fn credentials(header: &[u8]) -> Option<&[u8]> {
    const SCHEME: usize = "Bearer".len();
    let (scheme, rest) = header.split_at_checked(SCHEME)?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"Bearer") && rest.first() == Some(&b' ');
    is_bearer.then(|| rest.trim_ascii())
}

/// Compares in a time that depends on the length of `brought` alone, which the client knows.
fn equal(brought: &[u8], token: &[u8]) -> Choice {
    let same_length = Choice::from(u8::from(brought.len() == token.len()));
    let pairs = brought.iter().zip(token.iter().cycle());
    pairs.fold(same_length, |same, (a, b)| same & a.ct_eq(b))
}

fn read(path: &Path) -> Result<Arc<[Box<[u8]>]>, TokenError> {
    tokens(&files::read(path).map_err(TokenError)?)
}

fn tokens(text: &[u8]) -> Result<Arc<[Box<[u8]>]>, TokenError> {
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let tokens: Vec<Box<[u8]>> = lines
        .filter(|line| !line.is_empty())
        .map(Box::from)
        .collect();
    let wrong = |text: String| Err(TokenError(text));
    match tokens.len() {
        0 => return wrong("there is no token in it".to_owned()),
        1..=MOST => {}
        more => {
            return wrong(format!(
                "it has {more} lines with tokens, allowed are {MOST}"
            ));
        }
    }
    for (index, token) in tokens.iter().enumerate() {
        let line = index + 1;
        if token.len() > LONGEST {
            let length = token.len();
            return wrong(format!(
                "token {line} has {length} bytes, allowed are {LONGEST}"
            ));
        }
        if !token.iter().all(u8::is_ascii_graphic) {
            return wrong(format!(
                "token {line} has characters other than visible ASCII, such as a space"
            ));
        }
    }
    Ok(tokens.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(token: &BearerToken, headers: &[&str]) -> bool {
        token.permits(headers.iter().map(|header| header.as_bytes()))
    }

    #[test]
    fn one_header_with_the_whole_token_lets_a_client_in() {
        let token = BearerToken::new("s3cret\n").unwrap();
        for right in ["Bearer s3cret", "bearer s3cret", "BEARER   s3cret "] {
            assert!(permits(&token, &[right]), "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearers3cret",
            "Bearer s3cre",
            "Bearer s3cret2",
            "Bearer s3creT",
            "Bearer s3crets3cret",
            "Basic s3cret",
            "s3cret",
            "Bearer é",
        ] {
            assert!(!permits(&token, &[wrong]), "{wrong}");
        }
        let long = format!("Bearer {}", "s3cret".repeat(1000));
        assert!(!permits(&token, &[&long]));
        assert!(!token.permits([&b"Bearer \xff\0s3cret"[..]].into_iter()));
        assert!(!permits(&token, &[]));
        assert!(!permits(&token, &["Bearer s3cret", "Bearer s3cret"]));
    }

    #[test]
    fn every_line_of_a_file_is_a_token() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "old\r\n\n  new\n").unwrap();
        let token = BearerToken::from_file(&path).unwrap();
        assert!(permits(&token, &["Bearer old"]) && permits(&token, &["Bearer new"]));
        assert!(!permits(&token, &["Bearer oldnew"]) && !permits(&token, &["Bearer "]));
    }

    #[test]
    fn what_is_no_token_is_refused_without_being_shown() {
        let long = "x".repeat(LONGEST + 1);
        let many = "x\n".repeat(MOST + 1);
        for (text, expected) in [
            ("", "there is no token in it"),
            (" \n\t", "there is no token in it"),
            (&*long, "token 1 has 4097 bytes, allowed are 4096"),
            (&*many, "it has 17 lines with tokens, allowed are 16"),
            (
                "good\ntwo words",
                "token 2 has characters other than visible ASCII, such as a space",
            ),
        ] {
            assert_eq!(BearerToken::new(text).unwrap_err().to_string(), expected);
        }
        let debug = format!("{:?}", BearerToken::new("s3cret").unwrap());
        assert!(!debug.contains("s3cret"), "{debug}");
    }
}
