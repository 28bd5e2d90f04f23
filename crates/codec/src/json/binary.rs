//! Bytes as base64 text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// As Python reads it: bits that belong to no byte do not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes that base64 text stands for.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    // Line breaks are what MIME writers put in.
    let plain: Cow<'_, str> = if text.contains(['\r', '\n']) {
        text.replace(['\r', '\n'], "").into()
    } else {
        text.into()
    };
    BASE64.decode(&*plain).ok()
}

/// The base64 text of bytes.
#[cfg(feature = "oip")]
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}
