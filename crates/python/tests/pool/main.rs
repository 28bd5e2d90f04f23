//! Real workers, from outside: what they answer, and how they come and go.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod follow;
mod leaks;
mod life;
mod methods;
mod stuck;
mod support;
