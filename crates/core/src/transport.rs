//! What a transport says of itself, and how a request ended there.

use std::fmt;

/// What a transport calls itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Transport {
    /// Its name, as metrics and logs have it.
    pub name: &'static str,
    /// The code of a request whose client went away before its response.
    pub abandoned: Code,
    /// The headers that may bring a request's id, in lower case, the first one first.
    pub id_headers: &'static [&'static str],
}

/// How a request ended, in the transport's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as a number.
    pub number: u16,
    /// Its name, where people know it by that rather than by the number: `UNAVAILABLE`.
    pub name: Option<&'static str>,
    /// Whether the server or the component is to blame for it.
    pub is_fault: bool,
}

impl Code {
    /// A code without a name, for which neither server nor component is to blame.
    #[must_use]
    pub const fn numbered(number: u16) -> Self {
        Self {
            number,
            name: None,
            is_fault: false,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.number),
        }
    }
}

/// How a request was responded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The transport's code.
    pub code: Code,
    /// Bytes of the response, without its head.
    pub bytes: u64,
}
