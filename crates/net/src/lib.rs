//! What every port of the process needs, whatever is spoken on it: reserve it ([`bind`]), open it
//! ([`Bound::listen`]), take connections and end them in order ([`Listening::serve`]), and move long
//! work off the threads that move bytes ([`Offload`]).
//!
//! It lies beside `streeling-core`, below the transports, and knows nothing of ours. HTTP, routes and the
//! meaning of errors live in the transports.

mod accept;
mod bind;
mod offload;

pub use accept::{Closing, Drained};
pub use bind::{BindError, Bound, Listening, bind};
pub use offload::Offload;
