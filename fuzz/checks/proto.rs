//! What holds for the protobuf decoders whatever bytes they are given. Shared by the fuzz target
//! and by the test that replays its corpus.

use bytes::Bytes;
use streeling_codec::DecodeError;
use streeling_codec::seldon::proto::{self, EncodeError, Limits};

/// Little, so that a few bytes reach it and a message never takes much more than its input.
const LIMITS: Limits = Limits { repeated: 1 << 16 };

/// Passes `input` to every decoder. What one accepts must come out of its encoder in a form that it
/// accepts again, and then stay as it is.
pub(crate) fn check(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    stable(&body, proto::decode_message, proto::encode_message);
    stable(&body, proto::decode_response, proto::encode_message);
    stable(&body, proto::decode_messages, |messages, out| {
        proto::encode_messages(messages, out)
    });
    stable(&body, proto::decode_feedback, proto::encode_feedback);
    assert!(
        proto::decode_message(&body, LIMITS).is_err()
            || proto::decode_response(&body, LIMITS).is_ok(),
        "every request is also a valid response"
    );
}

/// Bytes are compared rather than messages, since a NaN is not equal to itself.
fn stable<T>(
    body: &Bytes,
    decode: impl Fn(&Bytes, Limits) -> Result<T, DecodeError>,
    encode: impl Fn(&T, &mut Vec<u8>) -> Result<(), EncodeError>,
) {
    let value = match decode(body, LIMITS) {
        Ok(value) => value,
        Err(error) => {
            assert!(error.offset() <= body.len(), "{error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let write = |value: &T| {
        let mut out = Vec::new();
        encode(value, &mut out).map(|()| Bytes::from(out))
    };
    let once = match write(&value) {
        Ok(once) => once,
        // A tensor of a dtype that only TensorFlow knows is read for the worker, as text, and
        // never written.
        Err(error) if error.to_string().contains("tftensor") => return,
        Err(error) => panic!("{error}: {body:02x?}"),
    };
    let again = decode(&once, LIMITS).unwrap_or_else(|error| panic!("{error}: {once:02x?}"));
    assert_eq!(Ok(once), write(&again));
}
