//! Real workers, from outside: their responses, their starts and their ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod inputs;
mod leaks;
mod life;
mod methods;
mod observe;
mod stuck;
mod support;
mod surprise;
#[cfg(target_os = "linux")]
mod template;
#[cfg(target_os = "linux")]
mod unkind;
