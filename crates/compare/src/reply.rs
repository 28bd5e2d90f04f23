//! What came back.

use std::time::Duration;

use bytes::Bytes;

use crate::codes::CODES;

/// A response, as far as it is compared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The HTTP status; over gRPC the number of the status code.
    pub status: u16,
    /// The header `content-type`; none over gRPC.
    pub content_type: Option<String>,
    /// The text beside a gRPC status code.
    pub text: String,
    /// The body; over gRPC the message's bytes.
    pub body: Bytes,
    /// From sending to the last byte.
    pub took: Duration,
}

/// Every HTTP status is above every gRPC code.
const LOWEST_HTTP: u16 = 100;

impl Reply {
    /// Whether the request was served: 200, or OK.
    #[must_use]
    pub fn is_success(&self) -> bool {
        matches!(self.status, 0 | 200)
    }

    /// Whether this is an error of the server itself and not one that a component chose: 400, 500
    /// or, over gRPC, anything but OK.
    #[must_use]
    pub fn is_own_error(&self) -> bool {
        matches!(self.status, 1..LOWEST_HTTP | 400 | 500)
    }

    /// The status as people write it: `200`, `UNKNOWN`.
    #[must_use]
    pub fn status_name(&self) -> String {
        match CODES.get(usize::from(self.status)) {
            Some(name) if self.status < LOWEST_HTTP => (*name).to_owned(),
            _ => self.status.to_string(),
        }
    }
}
