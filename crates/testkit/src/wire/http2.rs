//! HTTP/2 under gRPC: the frames of a connection, and which responses they make.

use std::collections::BTreeMap;

use super::hpack::Decoder;
use crate::http::Response;

/// What a client of HTTP/2 starts with.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a frame's head: length, type, flags and stream.
const HEAD: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
/// Padding or a priority, which servers have no use for.
const UNUSED: u8 = 0x8 | 0x20;

/// The setting that says how much may be sent on a stream before its window is updated.
const INITIAL_WINDOW: u16 = 4;

/// Its value, and the connection's, until the server says otherwise.
const DEFAULT_WINDOW: i64 = 65_535;

/// Both directions of one connection.
#[derive(Debug)]
pub(super) struct Http2 {
    sent: Vec<u8>,
    received: Vec<u8>,
    headers: Decoder,
    /// A block of headers that goes on in the next frame: its stream and flags, and what came.
    block: Option<(u32, u8, Vec<u8>)>,
    streams: BTreeMap<u32, Stream>,
    window: i64,
    initial_window: i64,
    had_preface: bool,
}

#[derive(Debug, Default)]
struct Stream {
    headers: BTreeMap<String, String>,
    data: Vec<u8>,
    ended: bool,
    /// What was sent and is not covered by updates of the stream's window.
    uncovered: i64,
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

impl Default for Http2 {
    fn default() -> Self {
        Self {
            sent: Vec::new(),
            received: Vec::new(),
            headers: Decoder::default(),
            block: None,
            streams: BTreeMap::new(),
            window: DEFAULT_WINDOW,
            initial_window: DEFAULT_WINDOW,
            had_preface: false,
        }
    }
}

impl Http2 {
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.sent.extend_from_slice(bytes);
        let mut sent = std::mem::take(&mut self.sent);
        if !self.had_preface && sent.starts_with(PREFACE) {
            sent.drain(..PREFACE.len());
            self.had_preface = true;
        }
        while let Some(frame) = frame(&sent) {
            match frame.kind {
                HEADERS => {
                    self.streams.entry(frame.stream).or_default();
                }
                DATA => {
                    let length = frame.payload.len() as i64;
                    self.window -= length;
                    self.streams.entry(frame.stream).or_default().uncovered += length;
                }
                _ => {}
            }
            let length = HEAD + frame.payload.len();
            sent.drain(..length);
        }
        self.sent = sent;
    }

    /// The rest of a frame that has been begun, or the preface and the first frame, if the windows
    /// have room for it.
    pub(super) fn sendable(&self, bytes: &[u8]) -> usize {
        if !self.sent.is_empty() {
            // Its head may be cut, too: then the next bytes complete that.
            let length = match self.sent.first_chunk::<3>() {
                Some([a, b, c]) if self.sent.len() >= HEAD => {
                    HEAD + u32::from_be_bytes([0, *a, *b, *c]) as usize
                }
                _ => HEAD,
            };
            return bytes
                .len()
                .min(length.saturating_sub(self.sent.len()).max(1));
        }
        let mut length = 0;
        if !self.had_preface && bytes.starts_with(PREFACE) {
            length = PREFACE.len();
        }
        let Some(first) = frame(&bytes[length..]) else {
            return bytes.len();
        };
        let size = first.payload.len() as i64;
        if first.kind == DATA {
            let uncovered = self.streams.get(&first.stream).map_or(0, |s| s.uncovered);
            if size > self.window || uncovered + size > self.initial_window {
                return length;
            }
        }
        length + HEAD + first.payload.len()
    }

    pub(super) fn received(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.received.extend_from_slice(bytes);
        let mut received = std::mem::take(&mut self.received);
        while let Some(frame) = frame(&received) {
            self.take(&frame)?;
            let length = HEAD + frame.payload.len();
            received.drain(..length);
        }
        self.received = received;
        Ok(())
    }

    pub(super) fn completed(&self) -> usize {
        self.streams.values().filter(|stream| stream.ended).count()
    }

    pub(super) fn open(&self) -> usize {
        self.streams.len() - self.completed()
    }

    pub(super) fn responses(&self) -> Result<BTreeMap<u32, Response>, String> {
        let ended = self.streams.iter().filter(|(_, stream)| stream.ended);
        ended
            .map(|(id, stream)| {
                let status = stream.headers.get("grpc-status");
                let status = status
                    .and_then(|status| status.parse().ok())
                    .ok_or_else(|| format!("stream {id} ended without a grpc-status"))?;
                let response = Response {
                    status,
                    headers: stream.headers.clone(),
                    body: stream.data.clone(),
                };
                Ok((*id, response))
            })
            .collect()
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<(), String> {
        match frame.kind {
            DATA | HEADERS if frame.flags & UNUSED != 0 => {
                return Err(format!("a frame with unknown flags {:#x}", frame.flags));
            }
            DATA => {
                let stream = self.streams.entry(frame.stream).or_default();
                stream.data.extend_from_slice(frame.payload);
                stream.ended |= frame.flags & END_STREAM != 0;
            }
            HEADERS => self.block(frame.stream, frame.flags, frame.payload.to_vec())?,
            CONTINUATION => {
                let (stream, flags, mut block) =
                    self.block.take().ok_or("a continuation of nothing")?;
                block.extend_from_slice(frame.payload);
                self.block(stream, flags | frame.flags & END_HEADERS, block)?;
            }
            RST_STREAM => {
                let stream = self.streams.entry(frame.stream).or_default();
                if !stream.ended {
                    let code = number(frame.payload);
                    return Err(format!("stream {} was reset: {code}", frame.stream));
                }
            }
            GOAWAY => {
                let code = number(frame.payload.get(4..).unwrap_or_default());
                if code != 0 {
                    return Err(format!("the server ended the connection: {code}"));
                }
            }
            SETTINGS if frame.flags & ACK == 0 => {
                for setting in frame.payload.chunks_exact(6) {
                    if u16::from_be_bytes([setting[0], setting[1]]) == INITIAL_WINDOW {
                        self.initial_window = i64::from(number(&setting[2..]));
                    }
                }
            }
            WINDOW_UPDATE => {
                let more = i64::from(number(frame.payload));
                if frame.stream == 0 {
                    self.window += more;
                } else {
                    self.streams.entry(frame.stream).or_default().uncovered -= more;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Headers or trailers, once they are whole.
    fn block(&mut self, stream: u32, flags: u8, block: Vec<u8>) -> Result<(), String> {
        if flags & END_HEADERS == 0 {
            self.block = Some((stream, flags, block));
            return Ok(());
        }
        let mut fields = self.headers.decode(&block)?;
        // Some servers send it empty, which says no more than nothing.
        fields.retain(|(name, value)| !(name == "grpc-message" && value.is_empty()));
        let stream = self.streams.entry(stream).or_default();
        stream.headers.extend(fields);
        stream.ended |= flags & END_STREAM != 0;
        Ok(())
    }
}

/// The first frame, if it is whole.
fn frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let head = bytes.get(..HEAD)?;
    let length = number(&[0, head[0], head[1], head[2]]) as usize;
    Some(Frame {
        kind: head[3],
        flags: head[4],
        stream: number(&head[5..]) & 0x7fff_ffff,
        payload: bytes.get(HEAD..HEAD + length)?,
    })
}

/// The first four bytes as a number; zero if there are fewer.
fn number(bytes: &[u8]) -> u32 {
    let first = bytes.get(..4).and_then(|bytes| bytes.try_into().ok());
    first.map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let stream = stream.to_be_bytes();
        [&length[1..], &[kind, flags], &stream, payload].concat()
    }

    /// `grpc-status: 5`, as a literal that is not indexed.
    const STATUS: &[u8] = b"\x00\x0bgrpc-status\x015";

    #[test]
    fn a_response_is_its_data_and_the_status_of_its_trailers() {
        let mut reader = Http2::default();
        reader.sent(&[PREFACE, &bytes(HEADERS, END_HEADERS, 1, b"")].concat());
        assert_eq!((reader.completed(), reader.open()), (0, 1));
        let (one, two) = STATUS.split_at(4);
        let response = [
            bytes(HEADERS, END_HEADERS, 1, b"\x88"),
            bytes(DATA, 0, 1, b"ab"),
            bytes(HEADERS, END_STREAM, 1, one),
            bytes(CONTINUATION, END_HEADERS, 1, two),
        ]
        .concat();
        // Bytes come in parts of any size.
        for byte in response {
            reader.received(&[byte]).unwrap();
        }
        assert_eq!((reader.completed(), reader.open()), (1, 0));
        let response = reader.responses().unwrap().remove(&1).unwrap();
        assert_eq!(
            (response.status, response.body.as_slice()),
            (5, b"ab".as_slice())
        );
        assert_eq!(response.headers[":status"], "200");
    }

    #[test]
    fn data_waits_for_the_windows() {
        let mut reader = Http2::default();
        let data = |stream| bytes(DATA, 0, stream, &[0; 40_000]);
        let start = [PREFACE.to_vec(), bytes(HEADERS, END_HEADERS, 1, b"")].concat();
        assert_eq!(reader.sendable(&start), start.len());
        reader.sent(&start);
        assert_eq!(reader.sendable(&data(1)), 40_009);
        reader.sent(&data(1));
        assert_eq!(reader.sendable(&data(3)), 0);
        let update = |stream| bytes(WINDOW_UPDATE, 0, stream, &40_000_u32.to_be_bytes());
        reader.received(&update(0)).unwrap();
        assert_eq!(reader.sendable(&data(3)), 40_009);
        assert_eq!(reader.sendable(&data(1)), 0);
        reader.received(&update(1)).unwrap();
        assert_eq!(reader.sendable(&data(1)), 40_009);
    }

    #[test]
    fn a_frame_that_is_cut_is_completed_before_windows_are_looked_at() {
        let mut reader = Http2::default();
        reader.sent(PREFACE);
        let data = bytes(DATA, 0, 1, &[0; 1000]);
        reader.sent(&data[..4]);
        assert_eq!(reader.sendable(&data[4..]), 5);
        reader.sent(&data[4..9]);
        assert_eq!(reader.sendable(&data[9..500]), 491);
        reader.sent(&data[9..500]);
        let rest = [&data[500..], &data].concat();
        assert_eq!(reader.sendable(&rest), 509);
        reader.sent(&rest[..509]);
        assert_eq!(reader.sendable(&rest[509..]), 1009);
    }

    #[test]
    fn a_reset_stream_and_a_refused_connection_are_errors() {
        let reset = bytes(RST_STREAM, 0, 1, &2_u32.to_be_bytes());
        assert!(Http2::default().received(&reset).is_err());
        let goaway = |code: u8| bytes(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, code]);
        assert!(Http2::default().received(&goaway(1)).is_err());
        assert!(Http2::default().received(&goaway(0)).is_ok());
    }
}
