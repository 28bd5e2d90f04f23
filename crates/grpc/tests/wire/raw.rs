//! HTTP/2 by hand, for clients that no library would be.

use crate::support::PREDICT;

/// What a client sends first: the preface, and empty settings.
pub(crate) const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend_from_slice(&[kind, flags]);
    bytes.extend_from_slice(&stream.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// The head of a request, complete, with a body to come.
pub(crate) fn head(stream: u32, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    frame(1, 4, stream, &fields(path, more))
}

/// The fields of a head. HPACK: literals without an index.
pub(crate) fn fields(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let mut fields = vec![0x83, 0x86];
    let all = [
        (":path", path),
        (":authority", "x"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in all.iter().chain(more) {
        fields.push(0);
        for text in [name, value] {
            fields.push(u8::try_from(text.len()).unwrap());
            fields.extend_from_slice(text.as_bytes());
        }
    }
    fields
}

/// A request without its message.
pub(crate) fn predict(stream: u32) -> Vec<u8> {
    head(stream, PREDICT, &[])
}

/// Kind, stream and body of whole frames.
pub(crate) fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u8, u32, &[u8])> {
    std::iter::from_fn(move || {
        let head: [u8; 9] = bytes.get(..9)?.try_into().unwrap();
        let [a, b, c, kind, _, stream @ ..] = head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        let body = bytes.get(9..9 + length)?;
        bytes = &bytes[9 + length..];
        Some((kind, u32::from_be_bytes(stream), body))
    })
}

/// Why the server says goodbye, if it does.
pub(crate) fn goodbye(bytes: &[u8]) -> Option<u32> {
    let (_, _, body) = frames(bytes).filter(|(kind, ..)| *kind == 7).last()?;
    Some(u32::from_be_bytes(body[4..8].try_into().unwrap()))
}
