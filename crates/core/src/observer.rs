//! Who is told what components report.

use std::fmt;

use crate::{Method, Metric};

/// Is told of what a component reports; called within a request, so it must be quick.
///
/// `worker` is the place of the worker that answered, which a successor takes over; `None` for a
/// component without workers.
pub trait Observer: fmt::Debug + Send + Sync {
    /// The component reported these metrics, at least one, with its answer to `method`.
    fn reported(&self, method: Method, worker: Option<usize>, metrics: &[Metric]);

    /// The component was given feedback with a reward other than zero, whatever it made of it.
    fn rewarded(&self, worker: Option<usize>, reward: f32);
}
