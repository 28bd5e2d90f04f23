//! Why a request fails, in words that belong to no protocol.

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use crate::limit::Limit;
use crate::original::Page;

/// What went wrong, as far as a caller can do something about it.
///
/// Every protocol matches on it without a wildcard, so a new kind does not compile until each has
/// said what it means there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be understood.
    BadData,
    /// The request does not say who sends it, or says so wrongly.
    Unauthenticated,
    /// No model of that name is served.
    UnknownModel,
    /// The component does not have the method.
    NotImplemented,
    /// The component raised, or responded with something that cannot be sent.
    Component,
    /// The component reported a metric that is not valid.
    BadMetric,
    /// The component's metadata does not validate.
    BadMetadata,
    /// The request or the response is larger than is allowed.
    TooLarge,
    /// Too many requests wait already.
    QueueFull,
    /// Requests under way take all the memory that there is for them.
    MemoryFull,
    /// The worker that held the request is gone.
    WorkerLost,
    /// The component has not finished loading, or the server is going down.
    NotReady,
    /// The request's time is up.
    Deadline,
    /// The server failed, through no fault of request or component.
    Internal,
}

impl ErrorKind {
    /// Every kind, for tables and for tests that must not forget one.
    pub const ALL: [Self; 14] = [
        Self::BadData,
        Self::Unauthenticated,
        Self::UnknownModel,
        Self::NotImplemented,
        Self::Component,
        Self::BadMetric,
        Self::BadMetadata,
        Self::TooLarge,
        Self::QueueFull,
        Self::MemoryFull,
        Self::WorkerLost,
        Self::NotReady,
        Self::Deadline,
        Self::Internal,
    ];

    /// Whether the server could not do it just now: the same request may succeed at another moment.
    #[must_use]
    pub fn is_transient(self) -> bool {
        match self {
            Self::QueueFull
            | Self::MemoryFull
            | Self::WorkerLost
            | Self::NotReady
            | Self::Deadline => true,
            Self::BadData
            | Self::Unauthenticated
            | Self::UnknownModel
            | Self::NotImplemented
            | Self::Component
            | Self::BadMetric
            | Self::BadMetadata
            | Self::TooLarge
            | Self::Internal => false,
        }
    }

    /// When trying again makes sense, where the server can tell.
    #[must_use]
    pub fn retry_after(self) -> Option<Duration> {
        match self {
            Self::QueueFull | Self::MemoryFull => Some(Duration::from_secs(1)),
            Self::BadData
            | Self::Unauthenticated
            | Self::UnknownModel
            | Self::NotImplemented
            | Self::Component
            | Self::BadMetric
            | Self::BadMetadata
            | Self::TooLarge
            | Self::WorkerLost
            | Self::NotReady
            | Self::Deadline
            | Self::Internal => None,
        }
    }
}

/// An error as a client is to see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{info}")]
pub struct Error {
    /// The decision that a caller can take.
    pub kind: ErrorKind,
    /// One text for a person: what was wrong, and what is allowed.
    pub info: String,
    /// The reason that the component's exception gives, in place of the protocol's own for the
    /// kind.
    pub reason: Option<Cow<'static, str>>,
    /// The HTTP status that the component's exception requests.
    pub http_status: Option<u16>,
    /// The gRPC status, 1 to 16, that the component's exception requests.
    pub grpc_status: Option<u8>,
    /// The number that the component's exception gives, for a protocol that has a place for it.
    pub code: Option<i32>,
    /// The response over HTTP that the component itself has written for it.
    pub page: Option<Box<Page>>,
    /// The limit that was exceeded, to be counted.
    pub limit: Option<Limit>,
    /// The slot of the worker that failed, for a component that has workers.
    pub worker: Option<usize>,
}

/// A result whose error is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of a kind, with its text.
    #[must_use]
    pub fn new(kind: ErrorKind, info: impl Into<String>) -> Self {
        Self {
            kind,
            info: info.into(),
            reason: None,
            http_status: None,
            grpc_status: None,
            code: None,
            page: None,
            limit: None,
            worker: None,
        }
    }

    /// The same, of a request that exceeded this limit.
    #[must_use]
    pub fn beyond(self, limit: Limit) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// The error of a call that comes before the component is ready.
    #[must_use]
    pub fn not_ready() -> Self {
        Self::new(
            ErrorKind::NotReady,
            "the component has not finished loading",
        )
    }

    /// The error of a request without a token that counts.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(
            ErrorKind::Unauthenticated,
            "a bearer token that this server knows is needed, as 'Authorization: Bearer TOKEN' \
             (--auth-token-file, STREELING_AUTH_TOKEN)",
        )
    }

    /// The error of a request that was not responded to in the time `allowed`.
    #[must_use]
    pub fn late(allowed: Duration) -> Self {
        Self::new(
            ErrorKind::Deadline,
            format!("no response within {} ms", allowed.as_millis()),
        )
        .beyond(Limit::Time)
    }

    /// The error of a response of more bytes than `limit`, which these settings set.
    #[must_use]
    pub fn response_too_large(bytes: usize, limit: usize, settings: &str) -> Self {
        Self::new(
            ErrorKind::TooLarge,
            format!("the response has {bytes} bytes, allowed are {limit} ({settings})"),
        )
        .beyond(Limit::Response)
    }

    /// What became of a call that panicked, by what [`catch_unwind`](std::panic::catch_unwind)
    /// gave.
    #[must_use]
    pub fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        let info = text.map_or_else(
            || "the component panicked".to_owned(),
            |text| format!("the component panicked: {text}"),
        );
        Self::new(ErrorKind::Component, info)
    }
}
