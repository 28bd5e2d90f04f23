//! Real workers, from outside: their responses, their starts and their ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hung;
mod inputs;
#[cfg(target_os = "linux")]
mod lack;
mod leaks;
mod life;
#[cfg(target_os = "linux")]
mod memory;
mod methods;
mod observe;
mod quarantine;
mod stuck;
mod support;
mod surprise;
#[cfg(target_os = "linux")]
mod template;
mod tensors;
#[cfg(target_os = "linux")]
mod unkind;
