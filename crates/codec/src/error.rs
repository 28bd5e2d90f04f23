//! Why bytes cannot be decoded.

use streeling_core::{Error, Meter};

/// Why bytes could not be decoded; one variant for each decision that a transport can take.
///
/// `path` is where in the document the decoder was, as `data.names[2]`; it is empty for the
/// document itself. `offset` counts bytes from the start of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are not one JSON value in UTF-8.
    #[error("no valid JSON at {}: expected {expected}", place(path, *offset))]
    Syntax {
        /// Where in the document.
        path: String,
        /// The byte that did not fit; the body's length when the text ends too early.
        offset: usize,
        /// What would have been valid there.
        expected: &'static str,
    },
    /// Lists and objects are nested too deeply.
    #[error("more than {limit} levels of nesting at {}", place(path, *offset))]
    TooDeep {
        /// Where in the document.
        path: String,
        /// The bracket that opens one level too many.
        offset: usize,
        /// Levels that are allowed.
        limit: usize,
    },
    /// A message must be an object, and this is something else.
    #[error("a message must be an object, but at {} is {found}", place(path, *offset))]
    NotAnObject {
        /// Which message.
        path: String,
        /// Where the value starts.
        offset: usize,
        /// What is there.
        found: &'static str,
    },
    /// A message has no payload.
    #[error(
        "no payload in the message at {}: one of {expected} is needed",
        place(path, *offset)
    )]
    NoPayload {
        /// Which message.
        path: String,
        /// Where the message starts.
        offset: usize,
        /// The fields that would do.
        expected: &'static str,
    },
    /// A field holds another type than it must.
    #[error("expected {expected} at {}, found {found}", place(path, *offset))]
    WrongType {
        /// The field.
        path: String,
        /// Where its value starts.
        offset: usize,
        /// What it must be.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// A field is there that the protocol does not know, in a place where that is not allowed.
    #[error("unknown field at {}", place(path, *offset))]
    UnknownField {
        /// The field.
        path: String,
        /// Where its name starts.
        offset: usize,
    },
    /// The bytes are no protobuf message: cut off, with a length that goes too far, with text that
    /// is not UTF-8.
    #[error("no valid protobuf at {}: {problem}", place(path, *offset))]
    Wire {
        /// Where in the document.
        path: String,
        /// Where the trouble is.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// An array that claims to be much larger than what was sent.
    #[error(
        "an array that repeats its last value takes too much memory at {}",
        place(path, *offset)
    )]
    TooLarge {
        /// The array.
        path: String,
        /// Where the array starts.
        offset: usize,
    },
    /// The document takes more memory than there is for it.
    #[error("{error}")]
    Memory {
        /// What was to be decoded.
        path: String,
        /// Where that starts.
        offset: usize,
        /// How much there is.
        error: Box<Error>,
    },
    /// A value has the right type and cannot be used all the same: text that is not base64, or that
    /// no Unicode string can hold.
    #[error("{problem} at {}", place(path, *offset))]
    Invalid {
        /// The field.
        path: String,
        /// Where the trouble is.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// Path and offset of any variant, borrowed as the error is.
macro_rules! whereabouts {
    ($error:expr) => {
        match $error {
            DecodeError::Syntax { path, offset, .. }
            | DecodeError::TooDeep { path, offset, .. }
            | DecodeError::NotAnObject { path, offset, .. }
            | DecodeError::NoPayload { path, offset, .. }
            | DecodeError::WrongType { path, offset, .. }
            | DecodeError::UnknownField { path, offset, .. }
            | DecodeError::Wire { path, offset, .. }
            | DecodeError::TooLarge { path, offset, .. }
            | DecodeError::Memory { path, offset, .. }
            | DecodeError::Invalid { path, offset, .. } => (path, offset),
        }
    };
}

impl DecodeError {
    /// Where in the document, as `data.names[2]`; empty for the document itself.
    #[must_use]
    pub fn path(&self) -> &str {
        whereabouts!(self).0
    }

    /// Bytes from the start of the body to the trouble.
    #[must_use]
    pub fn offset(&self) -> usize {
        *whereabouts!(self).1
    }

    pub(crate) fn syntax(offset: usize, expected: &'static str) -> Self {
        Self::Syntax {
            path: String::new(),
            offset,
            expected,
        }
    }

    pub(crate) fn invalid(offset: usize, problem: &'static str) -> Self {
        Self::Invalid {
            path: String::new(),
            offset,
            problem,
        }
    }

    #[cfg(feature = "proto")]
    #[cold]
    pub(crate) fn wire(offset: usize, problem: &'static str) -> Self {
        Self::Wire {
            path: String::new(),
            offset,
            problem,
        }
    }

    /// Whether nothing after it is looked at: the text itself is broken, or there is no memory.
    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Syntax { .. } | Self::TooDeep { .. } | Self::Memory { .. }
        )
    }

    /// Puts the name of the surrounding field before the path.
    #[cold]
    pub(crate) fn inside(mut self, field: &str) -> Self {
        /// Characters of a field's name that are repeated in an error.
        const LONGEST: usize = 64;
        let mut whole: String = field.chars().take(LONGEST).collect();
        if whole.len() < field.len() {
            whole.push('…');
        }
        let path = self.path_mut();
        if !path.is_empty() && !path.starts_with('[') {
            whole.push('.');
        }
        whole.push_str(path);
        *path = whole;
        self
    }

    /// Puts an index into the surrounding list before the path.
    #[cold]
    pub(crate) fn at_index(mut self, index: usize) -> Self {
        let path = self.path_mut();
        let dot = if path.is_empty() || path.starts_with('[') {
            ""
        } else {
            "."
        };
        *path = format!("[{index}]{dot}{path}");
        self
    }

    fn path_mut(&mut self) -> &mut String {
        whereabouts!(self).0
    }
}

/// Takes memory that is about to be allocated for what stands at `offset`.
#[inline]
pub(crate) fn take(meter: &Meter, bytes: usize, offset: usize) -> Result<()> {
    meter.take(bytes).map_err(|error| no_memory(error, offset))
}

#[cold]
fn no_memory(error: Error, offset: usize) -> DecodeError {
    DecodeError::Memory {
        path: String::new(),
        offset,
        error: Box::new(error),
    }
}

/// A result whose error is a [`DecodeError`], unless it says otherwise.
pub(crate) type Result<T, E = DecodeError> = std::result::Result<T, E>;

fn place(path: &str, offset: usize) -> String {
    if path.is_empty() {
        format!("byte {offset}")
    } else {
        format!("{path} (byte {offset})")
    }
}
