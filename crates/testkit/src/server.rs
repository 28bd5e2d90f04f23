//! A server as a user runs it: the executable, started on a port of the system's choosing.

mod command;
mod lines;
mod process;
mod running;

pub use command::{Ended, ServerCommand, ServerError};
pub use running::{Loading, Server};
