//! Why connections are cut.

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its client sent many frames that cost it nothing.
    Flood,
    /// Its client did not read what it was sent.
    Unread,
    /// The head of a request was malformed, too large, or could be read in two ways.
    Head,
    /// The head of a request did not come in time.
    HeadTimeout,
}

impl Cut {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Flood, Self::Unread, Self::Head, Self::HeadTimeout];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Unread => "unread",
            Self::Head => "head",
            Self::HeadTimeout => "head_timeout",
        }
    }
}
