//! What is looked at while a server is under load or under attack: its probes and its processes.

mod probe;
mod process;

pub(crate) use probe::{Probed, Probes};
pub(crate) use process::{Usage, children, cpu, resident, words_of};
