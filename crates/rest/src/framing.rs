//! Where each request on a connection ends, and heads that others may read in another way.
//!
//! Hyper forgives what a proxy in front of it may not: line ends without a carriage return, a
//! transfer coding that is still on, two hosts. Where the two disagree about the end of a
//! request, a client can hide one request in another. So every head is looked at before hyper gets
//! it, and one that can be read in two ways is refused (RFC 9112, sections 2.2, 3.2, 5 and 6). What
//! hyper refuses itself (white space before a colon, folded lines, NUL) is not looked for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use streeling_core::{Error, ErrorKind};

/// Bytes that are kept of a line whose end has not come, and those of them that are its last. A
/// host, a length or a coding in a line that is so long is refused, in pieces or not.
const KEPT: usize = 1024;
const TAIL: usize = b"/1.1\r\n".len();

/// Why a head is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    LineFeed,
    UnknownCoding,
    BadCoding,
    TwoFramings,
    BadLength,
    BadChunk,
    TwoHosts,
    NoHost,
    BadHost,
}

impl Fault {
    const ALL: [Self; 9] = [
        Self::LineFeed,
        Self::UnknownCoding,
        Self::BadCoding,
        Self::TwoFramings,
        Self::BadLength,
        Self::BadChunk,
        Self::TwoHosts,
        Self::NoHost,
        Self::BadHost,
    ];

    /// What the client gets to read.
    pub(crate) fn error(self) -> Error {
        let status = match self {
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            _ => StatusCode::BAD_REQUEST,
        };
        Error {
            http_status: Some(status.as_u16()),
            ..Error::new(ErrorKind::BadData, self.to_string())
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineFeed => "a line ends without a carriage return, allowed is CR LF",
            Self::UnknownCoding => "the body has a transfer coding beside chunked, allowed is none",
            Self::BadCoding => "Transfer-Encoding is not chunked, once, which alone is allowed",
            Self::TwoFramings => {
                "the request has both Content-Length and Transfer-Encoding, allowed is one of them"
            }
            Self::BadLength => "Content-Length is not one number of bytes",
            Self::BadChunk => "the size of a chunk is not a hexadecimal number of bytes",
            Self::TwoHosts => "the request has more than one Host, allowed is one",
            Self::NoHost => "the request has no Host, which HTTP/1.1 demands",
            Self::BadHost => "Host is not a name or an address, with or without a port",
        })
    }
}

/// The first head of a connection that is refused. The connection ends with it.
#[derive(Clone, Debug)]
pub(crate) struct Verdict(Arc<AtomicU64>);

impl Verdict {
    /// Why the head of this number, from 0, is refused.
    pub(crate) fn of(&self, head: u64) -> Option<Fault> {
        // One thread at a time drives a connection, so this is as good as a plain number.
        let verdict = self.0.load(Ordering::Relaxed);
        if verdict >> 8 > head {
            return None;
        }
        Fault::ALL
            .into_iter()
            .find(|fault| *fault as u64 == verdict & 0xFF)
    }
}

/// What is known of a head so far.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    has_request_line: bool,
    demands_host: bool,
    hosts: u8,
    length: Option<u64>,
    is_chunked: bool,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// A body, or a chunk and its line end, of which so much is to come.
    Bytes {
        left: u64,
        is_chunk: bool,
    },
    ChunkSize,
    Trailers,
    /// Hyper, too, takes no further request.
    End,
}

/// Follows the requests of a connection through its bytes.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    head: Head,
    heads: u64,
    /// The start of a line whose end has not come.
    line: Vec<u8>,
    /// The last whole head, and what comes after it.
    known: Vec<u8>,
    after_known: State,
    verdict: Verdict,
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head,
            head: Head::default(),
            heads: 0,
            line: Vec::new(),
            known: Vec::new(),
            after_known: State::Head,
            verdict: Verdict(Arc::new(AtomicU64::new(u64::MAX << 8))),
        }
    }

    /// Where it says which head is refused.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }

    /// How many heads have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.heads
    }

    /// Whether a part of a head has come, and the rest has not.
    pub(crate) fn is_within_head(&self) -> bool {
        self.state == State::Head && (self.head.has_request_line || !self.line.is_empty())
    }

    /// Looks at the bytes that have come.
    pub(crate) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.state {
                State::Bytes { left, is_chunk } => {
                    let here = usize::try_from(left).map_or(bytes.len(), |it| it.min(bytes.len()));
                    bytes = &bytes[here..];
                    self.state = match left - here as u64 {
                        0 if is_chunk => State::ChunkSize,
                        0 => State::Head,
                        left => State::Bytes { left, is_chunk },
                    };
                }
                State::End => return,
                State::Head => bytes = self.heads(bytes),
                State::ChunkSize | State::Trailers => bytes = self.lines(bytes),
            }
        }
    }

    /// Takes a head, or what there is of it, and returns what is left. Clients send the same head
    /// again and again, and comparing is a tenth of the work.
    fn heads<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.head.has_request_line || !self.line.is_empty() {
            return self.lines(bytes);
        }
        if !self.known.is_empty()
            && let Some(rest) = bytes.strip_prefix(&*self.known)
        {
            self.heads += 1;
            self.state = self.after_known;
            return rest;
        }
        let before = self.heads;
        let rest = self.lines(bytes);
        let length = bytes.len() - rest.len();
        if self.heads > before && length <= KEPT {
            self.known.clear();
            self.known.extend_from_slice(&bytes[..length]);
            self.after_known = self.state;
        }
        rest
    }

    /// Takes lines until something else begins, and returns what is left.
    fn lines<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let mut start = 0;
        if !self.line.is_empty() {
            let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else {
                self.keep(bytes);
                return &[];
            };
            start = end + 1;
            self.keep(&bytes[..start]);
            let line = std::mem::take(&mut self.line);
            if self.take(&line) {
                return &bytes[start..];
            }
        }
        let from = start;
        let (words, tail) = bytes[from..].as_chunks::<8>();
        let mut at = from;
        for word in words {
            let mut found = line_feeds(u64::from_le_bytes(*word));
            while found != 0 {
                let end = at + found.trailing_zeros() as usize / 8 + 1;
                found &= found - 1;
                if self.line(bytes, &mut start, end) {
                    return &bytes[start..];
                }
            }
            at += 8;
        }
        for byte in tail {
            at += 1;
            if *byte == b'\n' && self.line(bytes, &mut start, at) {
                return &bytes[start..];
            }
        }
        self.keep(&bytes[start..]);
        &[]
    }

    /// Takes the line up to `end`, if one ends there; whether something else begins after it.
    #[inline]
    fn line(&mut self, bytes: &[u8], start: &mut usize, end: usize) -> bool {
        let line = &bytes[*start..end];
        if !line.ends_with(b"\n") {
            return false;
        }
        *start = end;
        // Most lines of a head say nothing that matters here.
        if let [first, .., b'\r', b'\n'] = line
            && self.state == State::Head
            && self.head.has_request_line
            && !matches!(first | 0x20, b'c' | b'h' | b't' | b'-')
        {
            return false;
        }
        self.take(line)
    }

    /// Keeps a part of a line. From a long one the middle is cut out: the version of a request and
    /// the line's end come last.
    fn keep(&mut self, part: &[u8]) {
        let room = KEPT - self.line.len();
        let (start, rest) = part.split_at(room.min(part.len()));
        self.line.extend_from_slice(start);
        let last = &rest[rest.len().saturating_sub(TAIL)..];
        let cut = KEPT - TAIL..KEPT - TAIL + last.len();
        if !last.is_empty() {
            self.line.drain(cut);
            self.line.extend_from_slice(last);
        }
    }

    #[inline]
    fn take(&mut self, line: &[u8]) -> bool {
        let [text @ .., b'\r', b'\n'] = line else {
            return self.refuse(Fault::LineFeed);
        };
        match self.state {
            State::Head => self.head_line(text),
            State::ChunkSize => {
                self.state = match chunk_size(text) {
                    Some(0) => State::Trailers,
                    Some(size) => State::Bytes {
                        left: size + 2,
                        is_chunk: true,
                    },
                    None => return self.refuse(Fault::BadChunk),
                };
                true
            }
            State::Trailers if text.is_empty() => {
                self.state = State::Head;
                true
            }
            State::Trailers | State::Bytes { .. } | State::End => false,
        }
    }

    #[inline]
    fn head_line(&mut self, line: &[u8]) -> bool {
        let head = &mut self.head;
        let Some(first) = line.first() else {
            // Empty lines may come before a request.
            return head.has_request_line && self.end_head();
        };
        if !head.has_request_line {
            head.has_request_line = true;
            head.demands_host = line.ends_with(b"/1.1");
            return false;
        }
        let result = match first {
            b'H' | b'h' => head.host(line),
            b'C' | b'c' => head.length(line),
            b'T' | b't' => head.coding(line),
            _ => return false,
        };
        match result {
            Ok(()) => false,
            Err(fault) => self.refuse(fault),
        }
    }

    fn end_head(&mut self) -> bool {
        let head = std::mem::take(&mut self.head);
        if head.demands_host && head.hosts == 0 {
            return self.refuse(Fault::NoHost);
        }
        self.heads += 1;
        self.state = match head.length {
            _ if head.is_chunked => State::ChunkSize,
            Some(left) if left > 0 => State::Bytes {
                left,
                is_chunk: false,
            },
            _ => State::Head,
        };
        true
    }

    /// Refuses the head that is being read, or the next one.
    #[cold]
    fn refuse(&mut self, fault: Fault) -> bool {
        self.state = State::End;
        let verdict = self.heads << 8 | fault as u64;
        self.verdict.0.store(verdict, Ordering::Relaxed);
        true
    }
}

impl Head {
    #[inline]
    fn host(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some(value) = field(line, b"host") else {
            return Ok(());
        };
        self.hosts += 1;
        if self.hosts > 1 {
            return Err(Fault::TwoHosts);
        }
        // It may be empty.
        if !is_short(line) || !value.trim_ascii().iter().all(|&byte| is_of_host(byte)) {
            return Err(Fault::BadHost);
        }
        Ok(())
    }

    #[inline]
    fn length(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some(value) = field(line, b"content-length") else {
            return Ok(());
        };
        if self.is_chunked {
            return Err(Fault::TwoFramings);
        }
        // As nearly all clients write it.
        let length = value.strip_prefix(b" ").and_then(number);
        let length = length.or_else(|| number(value.trim_ascii()));
        let length = length.filter(|_| is_short(line)).ok_or(Fault::BadLength)?;
        // The same one twice is forgiven: there is but one way to read it.
        if self
            .length
            .replace(length)
            .is_some_and(|before| before != length)
        {
            return Err(Fault::BadLength);
        }
        Ok(())
    }

    fn coding(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some(value) = field(line, b"transfer-encoding") else {
            return Ok(());
        };
        if self.length.is_some() {
            return Err(Fault::TwoFramings);
        }
        if self.is_chunked {
            return Err(Fault::BadCoding);
        }
        if !is_short(line) {
            return Err(Fault::BadCoding);
        }
        let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
        if is_chunked(value.trim_ascii()) {
            self.is_chunked = true;
            return Ok(());
        }
        let mut codings = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let is_last = codings.next_back().is_some_and(is_chunked);
        Err(if is_last && !codings.any(is_chunked) {
            Fault::UnknownCoding
        } else {
            Fault::BadCoding
        })
    }
}

/// The bits of a word that stand for its line feeds, the highest of each such byte. Above one, the
/// byte that follows it in the alphabet counts, too.
#[inline]
fn line_feeds(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    let word = word ^ (ONES * b'\n' as u64);
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

/// The value of a header, if it is of this name.
#[inline]
fn field<'a, const N: usize>(line: &'a [u8], name: &[u8; N]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_first_chunk::<N>()?;
    let [b':', value @ ..] = rest else {
        return None;
    };
    // No byte but a letter becomes another letter, and what becomes a hyphen, the carriage return,
    // hyper takes in no name.
    let differ = |all, (byte, letter): (&u8, &u8)| all | ((byte | 0x20) ^ letter);
    (start.iter().zip(name).fold(0, differ) == 0).then_some(value)
}

/// Whether a line, here without its end, is never cut.
#[inline]
fn is_short(line: &[u8]) -> bool {
    line.len() + b"\r\n".len() < KEPT
}

/// What names, addresses and ports are made of (RFC 3986, 3.2.2). A path or a user in a Host would
/// have others see another request.
fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(&byte)
}

/// The number that these digits are.
#[inline]
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        let number = number.checked_mul(10).filter(|_| digit < 10)?;
        number.checked_add(digit.into())
    })
}

/// The size of a chunk, with or without an extension behind it.
fn chunk_size(line: &[u8]) -> Option<u64> {
    // Zeros in front have no end otherwise.
    let most = 2 * size_of::<u64>();
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit());
    let digits = line.get(..digits.count()).filter(|it| it.len() <= most)?;
    let size = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    size.checked_add(2).map(|_| size)
}

#[cfg(test)]
mod tests;
