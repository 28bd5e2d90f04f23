//! What holds for the JSON decoders whatever bytes they are given. Shared by the fuzz target and by
//! the test that replays its corpus.

use bytes::Bytes;
use streeling_codec::DecodeError;
use streeling_codec::seldon::json;

/// Passes `input` to every decoder. What one accepts must come out of its encoder in a form that it
/// accepts again, and then stay as it is.
pub(crate) fn check(input: &[u8]) {
    let body = Bytes::copy_from_slice(input);
    stable(&body, json::decode_message, json::encode_message);
    stable(&body, json::decode_response, json::encode_message);
    stable(&body, json::decode_messages, |messages, out| {
        json::encode_messages(messages, out);
    });
    stable(&body, json::decode_feedback, json::encode_feedback);
    stable(&body, json::decode_meta, json::encode_meta);
    stable(
        &body,
        |body| json::decode_names(body).map(Into::into),
        json::encode_names,
    );
    stable(&body, streeling_codec::json::check, |value, out| {
        out.extend_from_slice(value.as_bytes());
    });
    if streeling_codec::json::check(&body).is_err() {
        assert!(
            json::decode_response(&body).is_err(),
            "invalid JSON is not a message"
        );
    }
}

fn stable<T>(
    body: &Bytes,
    decode: impl Fn(&Bytes) -> Result<T, DecodeError>,
    encode: impl Fn(&T, &mut Vec<u8>),
) {
    let value = match decode(body) {
        Ok(value) => value,
        Err(error) => {
            assert!(error.offset() <= body.len(), "{error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let mut once = Vec::new();
    encode(&value, &mut once);
    let once = Bytes::from(once);
    let again = decode(&once).unwrap_or_else(|error| panic!("{error}: {once:?}"));
    let mut twice = Vec::new();
    encode(&again, &mut twice);
    assert_eq!(once, twice);
}
