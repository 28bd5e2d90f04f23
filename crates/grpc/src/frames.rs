//! The heads of HTTP/2 frames, found in the bytes that pass.

/// Bytes of a frame's head.
const HEAD: usize = 9;

/// Bytes of a reset: its head and its reason.
const RESET: usize = 13;

/// `REFUSED_STREAM`.
const REFUSED: [u8; 4] = [0, 0, 0, 7];

/// What frames are to those who count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Data,
    Headers,
    Reset,
    Settings,
    /// Anything else.
    Control,
}

impl Kind {
    /// What too many of them are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Data => "empty data",
            Self::Headers => "headers",
            Self::Reset => "requests taken back",
            Self::Settings => "settings",
            Self::Control => "pings, priorities, window updates and the like",
        }
    }
}

/// The head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) length: usize,
    pub(crate) stream: u32,
    flags: u8,
    /// Why a stream is reset.
    reason: [u8; 4],
}

impl Head {
    pub(crate) fn ends_stream(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Settings that say that the other side's have come.
    pub(crate) fn is_response(&self) -> bool {
        self.flags & 1 != 0
    }

    /// A reset of a stream that was one too many.
    pub(crate) fn refuses(&self) -> bool {
        self.reason == REFUSED
    }
}

/// Where one direction of a connection stands.
pub(crate) struct Scan {
    head: [u8; RESET],
    filled: usize,
    /// Bytes until the next frame.
    rest: usize,
}

impl Scan {
    /// Of a connection whose first frame comes after so many bytes.
    pub(crate) fn after(rest: usize) -> Self {
        Self {
            head: [0; RESET],
            filled: 0,
            rest,
        }
    }

    pub(crate) fn is_between_frames(&self) -> bool {
        self.filled == 0 && self.rest == 0
    }

    /// Goes on by these bytes, and calls `each` with the heads that they complete.
    pub(crate) fn advance(&mut self, mut bytes: &[u8], mut each: impl FnMut(Head)) {
        while !bytes.is_empty() {
            if self.rest > 0 {
                let skipped = self.rest.min(bytes.len());
                self.rest -= skipped;
                bytes = &bytes[skipped..];
                continue;
            }
            let taken = (self.needed() - self.filled).min(bytes.len());
            self.head[self.filled..self.filled + taken].copy_from_slice(&bytes[..taken]);
            self.filled += taken;
            bytes = &bytes[taken..];
            if self.filled == self.needed() {
                let head = self.read();
                self.rest = head.length - (self.filled - HEAD);
                self.filled = 0;
                each(head);
            }
        }
    }

    /// Bytes that a head has, as far as is known.
    fn needed(&self) -> usize {
        let is_reset = self.filled >= HEAD && self.head[..4] == [0, 0, 4, 3];
        if is_reset { RESET } else { HEAD }
    }

    fn read(&self) -> Head {
        let [a, b, c, kind, flags, s, t, u, v, reason @ ..] = self.head;
        Head {
            kind: match kind {
                0 => Kind::Data,
                1 => Kind::Headers,
                3 => Kind::Reset,
                4 => Kind::Settings,
                _ => Kind::Control,
            },
            length: u32::from_be_bytes([0, a, b, c]) as usize,
            stream: u32::from_be_bytes([s & 0x7f, t, u, v]),
            flags,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_in_whatever_pieces() {
        let mut bytes = b"preface".to_vec();
        bytes.extend([0, 0, 6, 4, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
        bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 9, 0, 0, 0, 7]);
        bytes.extend([0, 0, 4, 3, 0, 0, 0, 0, 9, 0, 0, 0, 8]);
        // A reset that is malformed, and ends with its head.
        bytes.extend([0, 0, 0, 3, 0, 0, 0, 0, 9]);
        bytes.extend([0, 0, 0, 0, 1, 0x80, 0, 1, 2]);
        bytes.extend([0, 0, 8, 6, 0, 0, 0, 0, 0]);
        let all = bytes.len();
        for piece in [1, 2, 5, 9, 13, all] {
            let mut scan = Scan::after(7);
            let mut found = Vec::new();
            for piece in bytes.chunks(piece) {
                scan.advance(piece, |head| found.push(head));
            }
            let kinds: Vec<_> = found.iter().map(|head| (head.kind, head.length)).collect();
            let expected = [
                (Kind::Settings, 6),
                (Kind::Reset, 4),
                (Kind::Reset, 4),
                (Kind::Reset, 0),
                (Kind::Data, 0),
                (Kind::Control, 8),
            ];
            assert_eq!(kinds, expected, "{piece}");
            let refused: Vec<_> = found[1..3].iter().map(Head::refuses).collect();
            assert_eq!(refused, [true, false], "{piece}");
            assert_eq!((found[1].stream, found[4].stream), (9, 258), "{piece}");
            assert!(found[4].ends_stream(), "{piece}");
            assert!(!scan.is_between_frames(), "{piece}");
            scan.advance(&[0; 8], |head| panic!("{head:?}"));
            assert!(scan.is_between_frames(), "{piece}");
        }
    }
}
