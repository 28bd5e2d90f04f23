//! Why a response cannot be written.

/// A response that protobuf cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protobuf cannot hold half of a surrogate pair in the parameter {parameter:?}")]
pub struct EncodeError {
    parameter: String,
}

impl EncodeError {
    #[cold]
    pub(super) fn new(parameter: &str) -> Self {
        Self {
            parameter: parameter.to_owned(),
        }
    }
}

/// A result whose error is an [`EncodeError`].
pub(super) type Result<T, E = EncodeError> = std::result::Result<T, E>;
