//! What is simulated: how many of what, and what the component does.

use super::super::{POLICY, Policy};

/// What a component does, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// It runs with the lock.
    Hold(u64),
    /// It waits without it.
    Wait(u64),
    /// It computes without it, on a core.
    Compute(u64),
}
pub(super) use Part::{Compute, Hold, Wait};

/// The parts of the call with this number.
pub(super) type Model = fn(u64) -> &'static [Part];

#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) workers: usize,
    pub(super) threads: usize,
    pub(super) connections: usize,
    pub(super) cores: usize,
    /// Other processes have a worker's core for the second time in every period of the first.
    pub(super) taken_off: Option<(u64, u64)>,
    pub(super) policy: Policy,
}

pub(super) const SETTING: Setting = Setting {
    workers: 1,
    threads: 10,
    connections: 64,
    cores: 2,
    taken_off: None,
    policy: POLICY,
};
