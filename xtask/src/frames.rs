//! HTTP/2 frames made by hand, for what no library of a client's would send (RFC 9113).

/// What a connection of a client starts with: the preface and empty settings.
pub(crate) fn preface() -> Vec<u8> {
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(SETTINGS, 0, 0, &[]));
    bytes
}

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// One frame.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The headers of a gRPC call, in one frame.
pub(crate) fn call(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &call_block(path))
}

/// The same as a block, to be split.
pub(crate) fn call_block(path: &str) -> Vec<u8> {
    block(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "hostile"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ])
}

/// Header fields without compression, none of which is to be remembered (RFC 7541, 6.2.2).
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [name, value] {
            length(text.len(), &mut bytes);
            bytes.extend_from_slice(text.as_bytes());
        }
    }
    bytes
}

/// An integer with a prefix of seven bits (RFC 7541, 5.1).
fn length(number: usize, bytes: &mut Vec<u8>) {
    const MOST: usize = 127;
    if number < MOST {
        bytes.push(number as u8);
        return;
    }
    bytes.push(MOST as u8);
    let mut rest = number - MOST;
    while rest >= 128 {
        bytes.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    bytes.push(rest as u8);
}

/// A gRPC message of so many bytes: the five before it.
pub(crate) fn message_prefix(length: u32) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes
}

/// The frames at the start of what a server has sent: kind, flags, stream, payload.
pub(crate) fn parse(mut bytes: &[u8]) -> Vec<(u8, u8, u32, &[u8])> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, rest)) = rest.split_at_checked(length) else {
            break;
        };
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        frames.push((head[3], head[4], stream, payload));
        bytes = rest;
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_were_written() {
        let bytes = [frame(PING, 1, 0, &[7; 8]), call(3, "/a"), vec![0, 0]].concat();
        let frames = parse(&bytes);
        assert_eq!(frames.len(), 2);
        assert_eq!(frames[0], (PING, 1, 0, &[7; 8][..]));
        assert_eq!((frames[1].0, frames[1].1, frames[1].2), (HEADERS, 4, 3));
    }

    #[test]
    fn long_values_have_long_lengths() {
        // The example of RFC 7541, C.1.2, with seven bits: 1337 is 127 + 1210, and 1210 is
        // 9 * 128 + 58.
        let mut bytes = Vec::new();
        length(1337, &mut bytes);
        assert_eq!(bytes, [127, 58 | 128, 9]);
        assert_eq!(block(&[("a", "bc")]), b"\0\x01a\x02bc");
    }
}
