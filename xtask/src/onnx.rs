//! `cargo xtask onnx`: the ONNX files that are tested, and what their libraries predict.

use std::process::Command;

use crate::shell::{root, run};
use crate::venv;

/// Trains, exports and predicts anew, with the pinned versions of the libraries.
pub(crate) fn record() -> anyhow::Result<()> {
    run(Command::new(venv::ONNX.ensure()?).arg(root().join("crates/onnx/tests/record.py")))
}
