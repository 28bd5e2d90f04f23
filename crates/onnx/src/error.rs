//! Why a file cannot be served.

use std::io;
use std::path::PathBuf;

/// Why there is no component of a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The file cannot be read.
    #[error("cannot read the ONNX file {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It has been read, and holds something else.
    #[error("{} is no ONNX file: {why}", file.display())]
    NotOnnx {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// There are other parameters.
    #[error("--parameters (PREDICTIVE_UNIT_PARAMETERS) of onnx:{}: {why}", file.display())]
    Parameters {
        /// The file.
        file: PathBuf,
        /// What is wrong with them.
        why: String,
    },
    /// The output needs operators that are not implemented.
    #[error(
        "onnx:{} cannot be served: its output {output:?} needs the operators {}, which this build \
         does not implement",
        file.display(),
        operators.join(", ")
    )]
    Operators {
        /// The file.
        file: PathBuf,
        /// The output.
        output: String,
        /// The operators, each with its domain in front unless it is ONNX's own.
        operators: Vec<String>,
    },
    /// It is valid, perhaps, and yet cannot be compiled to something that takes rows.
    #[error("onnx:{} cannot be served: {why}", file.display())]
    Unusable {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
}
