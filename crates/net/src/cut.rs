//! Why connections are cut.

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Its client sent many frames that cost it nothing.
    Flood,
    /// Its client did not read what it was sent.
    Unread,
}

impl Cut {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Flood, Self::Unread];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flood => "flood",
            Self::Unread => "unread",
        }
    }
}
