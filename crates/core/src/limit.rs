//! The limits that a request can exceed, for the count of what they refuse.

/// A limit that a request, or its response, has exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Bytes of a body, or of a message.
    Body,
    /// The time in which a body must have come.
    BodyTime,
    /// A pause in the middle of a body.
    BodyPause,
    /// Parts of a multipart body, and fields of a form.
    Parts,
    /// Lists and objects in each other, in JSON.
    JsonDepth,
    /// Memory that a payload may take in a worker.
    Decoded,
    /// Requests that wait for a worker.
    Queue,
    /// The time of a request.
    Time,
    /// Bytes of a response.
    Response,
}

impl Limit {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Body,
        Self::BodyTime,
        Self::BodyPause,
        Self::Parts,
        Self::JsonDepth,
        Self::Decoded,
        Self::Queue,
        Self::Time,
        Self::Response,
    ];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::BodyTime => "body_time",
            Self::BodyPause => "body_pause",
            Self::Parts => "parts",
            Self::JsonDepth => "json_depth",
            Self::Decoded => "decoded",
            Self::Queue => "queue",
            Self::Time => "time",
            Self::Response => "response",
        }
    }
}
