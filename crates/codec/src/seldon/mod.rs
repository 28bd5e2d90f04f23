//! Seldon's protocol: `SeldonMessage`, `SeldonMessageList` and `Feedback`.
//!
//! [`json`] reads and writes them as JSON, `proto` (feature `proto`) as protobuf. Their methods and
//! the bodies of errors are the transports' business, apart from [`reason`].

mod cost;
pub mod json;
#[cfg(feature = "proto")]
pub mod proto;
mod tensor;

use streeling_core::ErrorKind;

/// The header, or the metadata, that brings a request's id.
pub const ID_HEADER: &str = "seldon-puid";

/// The number in an error whose exception gives none.
pub const ERROR_CODE: i32 = -1;

/// The fields that can hold a message's payload.
const PAYLOADS: &str = "data, strData, binData, jsonData";

/// The `reason` in the status of an error, where the component's exception does not give one.
#[must_use]
pub fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadData | ErrorKind::NotImplemented => "MICROSERVICE_BAD_DATA",
        ErrorKind::Unauthenticated => "MICROSERVICE_UNAUTHENTICATED",
        ErrorKind::UnknownModel => "MICROSERVICE_NOT_FOUND",
        ErrorKind::Component | ErrorKind::Internal => "MICROSERVICE_INTERNAL_ERROR",
        ErrorKind::BadMetric => "MICROSERVICE_BAD_METRIC",
        ErrorKind::BadMetadata => "MICROSERVICE_BAD_METADATA",
        ErrorKind::TooLarge => "MICROSERVICE_TOO_LARGE",
        ErrorKind::QueueFull => "MICROSERVICE_QUEUE_FULL",
        ErrorKind::MemoryFull => "MICROSERVICE_MEMORY_FULL",
        ErrorKind::WorkerLost => "MICROSERVICE_WORKER_LOST",
        ErrorKind::NotReady => "MICROSERVICE_NOT_READY",
        ErrorKind::Deadline => "MICROSERVICE_DEADLINE_EXCEEDED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_reason_of_seldon() {
        for kind in ErrorKind::ALL {
            let reason = reason(kind);
            assert!(reason.starts_with("MICROSERVICE_"), "{kind:?}: {reason}");
        }
        assert_eq!(reason(ErrorKind::Component), "MICROSERVICE_INTERNAL_ERROR");
        assert_eq!(reason(ErrorKind::UnknownModel), "MICROSERVICE_NOT_FOUND");
    }
}
