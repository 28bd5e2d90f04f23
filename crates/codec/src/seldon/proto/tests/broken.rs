//! Bad input: an error that says where, never a panic.

use super::*;
use crate::protobuf::wire::DEPTH_LIMIT;

fn refused(body: &[u8]) -> DecodeError {
    decode_message(&Bytes::copy_from_slice(body), Limits::default()).unwrap_err()
}

#[test]
fn bad_bytes_are_errors_that_say_where() {
    for (body, shown) in [
        (
            &b""[..],
            "no payload in the message at byte 0: one of data, strData, binData, jsonData is \
             needed",
        ),
        (
            b"\x2a",
            "no valid protobuf at byte 1: a number that is cut off",
        ),
        (
            b"\x2a\x05abc",
            "no valid protobuf at byte 1: a length that goes beyond the end",
        ),
        (
            b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "no valid protobuf at byte 1: a length that goes beyond the end",
        ),
        (
            b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
            "no valid protobuf at byte 1: a number of more than 64 bits",
        ),
        (
            b"\x2a\x02a\xff",
            "no valid protobuf at strData (byte 3): text that is not UTF-8",
        ),
        (
            b"\x00\x01",
            "no valid protobuf at byte 0: a field number out of range",
        ),
        (
            b"\x2b\x08\x01",
            "no valid protobuf at byte 3: a group that does not end",
        ),
        (
            b"\x2b\x34",
            "no valid protobuf at byte 1: the end of a group that did not start",
        ),
        (
            b"\x2c",
            "no valid protobuf at byte 0: the end of a group that did not start",
        ),
        (b"\x2e", "no valid protobuf at byte 0: an unknown wire type"),
        (
            b"\x79\0\0",
            "no valid protobuf at byte 3: a number that is cut off",
        ),
        (
            b"\x1a\x05\x12\x03\x12\x01\0",
            "no valid protobuf at data.tensor.values (byte 7): a packed list that ends within an \
             element",
        ),
        (
            b"\x1a\x05\x0a\x00\x0a\x01\xff",
            "no valid protobuf at data.names[1] (byte 6): text that is not UTF-8",
        ),
        (
            b"\x1a\x09\x1a\x07\x0a\x00\x0a\x03\x1a\x01\xff",
            "no valid protobuf at data.ndarray[1] (byte 10): text that is not UTF-8",
        ),
        (
            b"\x2a\0\x12\x04\x2a\x02\x10\x07",
            "a metric type other than COUNTER (0), GAUGE (1), TIMER (2) at meta.metrics[0].type \
             (byte 6)",
        ),
    ] {
        assert_eq!(refused(body).to_string(), shown, "{body:?}");
    }
}

#[test]
fn unknown_fields_are_passed_over() {
    // Of every wire type, a group within a group, and known numbers in another wire type, in the
    // message and in its data.
    let unknown = [
        &b"\xf8\x01\x05\xf9\x01\0\0\0\0\0\0\0\0\xfa\x01\x01x\xfd\x01\0\0\0\0"[..],
        b"\xfb\x01\x08\x01\x13\x14\xfc\x01",
        b"\x08\x01\x11\0\0\0\0\0\0\0\0\x1d\0\0\0\0\x20\x01",
    ]
    .concat();
    let mut body = unknown.clone();
    body.extend_from_slice(&[0x1a, unknown.len() as u8]);
    body.extend_from_slice(&unknown);
    let message = decode_message(&body.into(), Limits::default()).unwrap();
    assert!(matches!(
        message.payload,
        Payload::Array(Array {
            layout: Layout::Unset,
            ..
        })
    ));
}

#[test]
fn nesting_is_bounded() {
    let nest = |levels: usize| {
        let mut value = vec![0x08, 0];
        for _ in 0..levels {
            for tag in [0x0a, 0x32] {
                let mut outer = Vec::new();
                crate::protobuf::write::varint(tag, &mut outer);
                crate::protobuf::write::varint(value.len() as u64, &mut outer);
                outer.append(&mut value);
                value = outer;
            }
        }
        let mut body = Vec::new();
        crate::protobuf::write::present_bytes(6, &value, &mut body);
        body
    };
    assert!(decode_message(&nest(40).into(), Limits::default()).is_ok());
    let error = refused(&nest(60));
    assert!(
        matches!(
            error,
            DecodeError::TooDeep {
                limit: DEPTH_LIMIT,
                ..
            }
        ),
        "{error}"
    );
    refused(&nest(100_000 / 50));
}

#[test]
fn every_cut_of_a_message_is_read_or_refused() {
    let tensor = Tensor::from_vec(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap();
    for layout in [Layout::Flat, Layout::Nested, Layout::TensorProto] {
        let message = Message {
            meta: full_meta(),
            ..data(layout, Elements::Typed(tensor.clone()))
        };
        let body = written(&message);
        for cut in 0..body.len() {
            let found = decode_message(&body.slice(..cut), Limits::default());
            assert_ne!(found, Ok(message.clone()), "cut at {cut}");
        }
    }
}
