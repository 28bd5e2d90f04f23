//! What most operators are.

use std::fmt;

/// A function from one row of numbers to another.
pub(super) trait RowFunction: fmt::Debug + Send + Sync {
    /// How many numbers come out of a row of so many; `Err` says why such rows do not do.
    fn width(&self, columns: usize) -> Result<usize, String>;

    /// Writes the row of `output`, which is as wide as `width` says.
    fn apply(&self, row: &[f64], output: &mut [f64]);
}
