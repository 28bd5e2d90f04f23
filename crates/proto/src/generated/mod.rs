//! What `cargo xtask codegen` wrote, in modules named as the packages.

/// The package `seldon`.
pub mod seldon {
    /// The package `seldon.protos`: messages of the protocol.
    #[allow(
        missing_docs,
        unused_qualifications,
        clippy::all,
        clippy::allow_attributes_without_reason,
        clippy::pedantic,
        reason = "generated code"
    )]
    pub mod protos {
        include!("seldon.protos.rs");
    }
}

/// The package `tensorflow`: `TensorProto` and what it refers to.
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated code")]
pub mod tensorflow {
    include!("tensorflow.rs");
}

/// The package `inference`: messages of the Open Inference Protocol.
#[cfg(feature = "oip")]
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod inference {
    include!("inference.rs");

    /// An encoded `FileDescriptorSet` of `inference.proto`, without comments: what a reflection
    /// service hands out.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("inference.bin");
}

/// An encoded `FileDescriptorSet` of `prediction.proto` and all that it imports, without comments:
/// what a reflection service hands out.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("descriptors.bin");
