//! What has been counted of each method, for people who look.

use std::sync::PoisonError;

use super::{Requests, SECONDS};

/// Requests for one method over one transport, whatever their codes, since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodSummary {
    /// The transport, by its name.
    pub transport: &'static str,
    /// The method, by its label.
    pub method: &'static str,
    /// How many there were.
    pub count: u64,
    /// How many of these did not succeed: HTTP's codes from 400 on, and of gRPC all but OK.
    pub errors: u64,
    /// What all of them took together, in seconds.
    pub seconds: f64,
    /// For each of [`MethodSummary::BOUNDS`], how many took at most so long.
    pub buckets: Vec<u64>,
}

impl MethodSummary {
    /// Upper bounds of times, in seconds.
    pub const BOUNDS: &'static [f64] = &SECONDS;

    fn new(transport: &'static str, method: &'static str) -> Self {
        Self {
            transport,
            method,
            count: 0,
            errors: 0,
            seconds: 0.0,
            buckets: vec![0; SECONDS.len()],
        }
    }
}

impl Requests {
    /// In the order of methods and transports.
    pub(crate) fn by_method(&self) -> Vec<MethodSummary> {
        let known = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<MethodSummary> = Vec::new();
        for (key, row) in &known.by_key {
            let (transport, method) = (key.transport, key.method);
            let found = all
                .iter()
                .position(|one| one.transport == transport && one.method == method);
            let at = found.unwrap_or_else(|| {
                all.push(MethodSummary::new(transport, method));
                all.len() - 1
            });
            let recent = row.recent();
            recent.time.flush();
            drop(recent);
            let summary = &mut all[at];
            let count = row.time.count();
            summary.count += count;
            if !is_success(key.code) {
                summary.errors += count;
            }
            let times = row.time.snapshot();
            summary.seconds += times.sum;
            let buckets = summary.buckets.iter_mut().zip(&times.buckets);
            for (sum, bucket) in buckets {
                *sum += bucket.count;
            }
        }
        all.sort_unstable_by_key(|one| (one.method, one.transport));
        all
    }
}

/// OK is 0, of which HTTP has none.
fn is_success(code: u16) -> bool {
    code == 0 || (200..400).contains(&code)
}
