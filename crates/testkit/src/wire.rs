//! What clients send, byte by byte: a relay that writes it down, the recording in a file, and its
//! replay.
//!
//! `cargo xtask acceptance` records other people's clients; a test replays them without these.

mod hpack;
mod http1;
mod http2;
mod reader;
mod recording;
mod relay;
mod replay;

pub use reader::Protocol;
pub use recording::{Conversation, Recording, RecordingError, Step};
pub use relay::{Passage, Relay, Side};
