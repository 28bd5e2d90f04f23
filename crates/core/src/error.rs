//! Why there is no answer, in words that belong to no transport.

use std::any::Any;
use std::borrow::Cow;

/// What went wrong, as far as a caller can do something about it.
///
/// Both transports match on it without a wildcard, so a new kind does not compile until each has
/// said what it means there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request cannot be understood.
    BadData,
    /// The component does not have the method.
    NotImplemented,
    /// The component raised, or answered something that cannot be sent.
    Component,
    /// The component reported a metric that is none.
    BadMetric,
    /// The component's metadata does not validate.
    BadMetadata,
    /// The request or the answer is larger than is allowed.
    TooLarge,
    /// Too many requests wait already.
    QueueFull,
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
    pub const ALL: [Self; 11] = [
        Self::BadData,
        Self::NotImplemented,
        Self::Component,
        Self::BadMetric,
        Self::BadMetadata,
        Self::TooLarge,
        Self::QueueFull,
        Self::WorkerLost,
        Self::NotReady,
        Self::Deadline,
        Self::Internal,
    ];

    /// The `reason` that an error body carries unless the component chose its own.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadData | Self::NotImplemented => "MICROSERVICE_BAD_DATA",
            Self::Component | Self::Internal => "MICROSERVICE_INTERNAL_ERROR",
            Self::BadMetric => "MICROSERVICE_BAD_METRIC",
            Self::BadMetadata => "MICROSERVICE_BAD_METADATA",
            Self::TooLarge => "MICROSERVICE_TOO_LARGE",
            Self::QueueFull => "MICROSERVICE_QUEUE_FULL",
            Self::WorkerLost => "MICROSERVICE_WORKER_LOST",
            Self::NotReady => "MICROSERVICE_NOT_READY",
            Self::Deadline => "MICROSERVICE_DEADLINE_EXCEEDED",
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
    /// The component's own reason in place of [`ErrorKind::reason`].
    pub reason: Option<Cow<'static, str>>,
    /// The HTTP status that the component's exception asks for.
    pub http_status: Option<u16>,
    /// The gRPC status, 1 to 16, that the component's exception asks for.
    pub grpc_status: Option<u8>,
    /// The number in the body's `code`; the incumbent's default is -1.
    pub code: i32,
    /// The place of the worker that failed, for a component that has workers.
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
            code: -1,
            worker: None,
        }
    }

    /// What became of a call that panicked, by what [`catch_unwind`](std::panic::catch_unwind) gave.
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

    /// The reason that goes into the body.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or_else(|| self.kind.reason())
    }
}
