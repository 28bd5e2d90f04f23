//! Why a message cannot be written.

/// A message that protobuf cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("protobuf cannot hold {what} in {place}")]
pub struct EncodeError {
    pub(super) place: &'static str,
    pub(super) what: &'static str,
}

/// A result whose error is an [`EncodeError`].
pub(super) type Result<T, E = EncodeError> = std::result::Result<T, E>;
