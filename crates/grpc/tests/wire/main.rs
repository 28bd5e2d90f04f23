//! The transport as a client meets it: over a socket, around a component that does as it is told.

mod bodies;
mod errors;
mod lifecycle;
mod standard;
mod support;
