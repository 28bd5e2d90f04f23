//! What the run finds.

/// How one exchange differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The class and the exchange's name.
    pub id: String,
    /// One line for each way in which it differs.
    pub lines: Vec<String>,
}
