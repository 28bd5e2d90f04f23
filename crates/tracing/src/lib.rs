//! What a server writes down about itself: the log, the access log, and traces.
//!
//! No transport is known here, and neither are settings or Python.
