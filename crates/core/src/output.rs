//! What a component writes to its standard streams.

use std::fmt;

/// One of the two streams that a process writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandardStream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl StandardStream {
    /// The stream's short name, as in `sys.stdout`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Output => "stdout",
            Self::Error => "stderr",
        }
    }
}

/// Where the lines go that a component writes by itself in its process.
pub trait ComponentOutput: fmt::Debug + Send + Sync {
    /// Takes a line with its line feed, or a part of a very long one without. It must not wait for
    /// a reader. What is written before there are workers comes from none.
    fn write(&self, stream: StandardStream, worker: Option<usize>, line: &[u8]);
}
