//! The compressed headers of HTTP/2 (RFC 7541), as far as a reader needs it.

mod huffman;

use std::collections::VecDeque;

/// Bytes that a field counts beside its name and value.
const OVERHEAD: usize = 32;

/// Bytes of the dynamic table, unless the other side is allowed more.
const TABLE: usize = 4096;

/// Reads the headers of one direction of one connection, in their order.
#[derive(Debug)]
pub(super) struct Decoder {
    /// The newest field first.
    dynamic: VecDeque<(String, String)>,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            dynamic: VecDeque::new(),
            limit: TABLE,
        }
    }
}

impl Decoder {
    /// The fields of a whole block.
    pub(super) fn decode(&mut self, block: &[u8]) -> Result<Vec<(String, String)>, String> {
        let mut rest = Rest(block);
        let mut fields = Vec::new();
        while let Some(&first) = rest.0.first() {
            // The highest bits say what it is, and how many bits a number has in this byte.
            if first & 0x80 != 0 {
                let index = rest.number(7)?;
                fields.push(self.field(index)?);
            } else if first & 0xc0 == 0x40 {
                let field = self.literal(&mut rest, 6)?;
                self.dynamic.push_front(field.clone());
                self.evict();
                fields.push(field);
            } else if first & 0xe0 == 0x20 {
                self.limit = rest.number(5)?;
                self.evict();
            } else {
                fields.push(self.literal(&mut rest, 4)?);
            }
        }
        Ok(fields)
    }

    fn literal(&self, rest: &mut Rest<'_>, bits: u32) -> Result<(String, String), String> {
        let name = match rest.number(bits)? {
            0 => rest.text()?,
            index => self.field(index)?.0,
        };
        Ok((name, rest.text()?))
    }

    fn field(&self, index: usize) -> Result<(String, String), String> {
        let found = match index.checked_sub(STATIC.len() + 1) {
            Some(newer) => self.dynamic.get(newer).cloned(),
            None => index.checked_sub(1).map(|at| {
                let (name, value) = STATIC[at];
                (name.to_owned(), value.to_owned())
            }),
        };
        found.ok_or_else(|| format!("no header has the index {index}"))
    }

    fn evict(&mut self) {
        let size = |(name, value): &(String, String)| name.len() + value.len() + OVERHEAD;
        while self.dynamic.iter().map(size).sum::<usize>() > self.limit {
            self.dynamic.pop_back();
        }
    }
}

/// What is left of a block.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let (front, rest) = self
            .0
            .split_at_checked(count)
            .ok_or("the headers end in the middle")?;
        self.0 = rest;
        Ok(front)
    }

    /// A number whose first part is in the lowest `bits` of a byte.
    fn number(&mut self, bits: u32) -> Result<usize, String> {
        let most = (1 << bits) - 1;
        let mut number = usize::from(self.take(1)?[0]) & most;
        if number < most {
            return Ok(number);
        }
        for shift in (0..28).step_by(7) {
            let byte = self.take(1)?[0];
            number += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("a number in the headers is too large".to_owned())
    }

    fn text(&mut self) -> Result<String, String> {
        let compressed = self.0.first().is_some_and(|first| first & 0x80 != 0);
        let length = self.number(7)?;
        let bytes = self.take(length)?;
        let bytes = if compressed {
            huffman::decode(bytes)?
        } else {
            bytes.to_vec()
        };
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }
}

/// The fields that need no sending (RFC 7541, appendix A).
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(decoder: &mut Decoder, block: &[u8]) -> Vec<String> {
        let fields = decoder.decode(block).unwrap();
        let text = |(name, value)| format!("{name}: {value}");
        fields.into_iter().map(text).collect()
    }

    #[test]
    fn responses_that_compress_and_refer_to_earlier_ones_are_read() {
        // The first response of the RFC's appendix C.6, whose table has 256 bytes.
        let mut decoder = Decoder::default();
        let block = [
            b"\x3f\xe1\x01\x48\x82\x64\x02\x58\x85\xae\xc3\x77".as_slice(),
            b"\x1a\x4b\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44".as_slice(),
            b"\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6".as_slice(),
            b"\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18\x63".as_slice(),
            b"\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3".as_slice(),
        ]
        .concat();
        let first = [
            ":status: 302",
            "cache-control: private",
            "date: Mon, 21 Oct 2013 20:13:21 GMT",
            "location: https://www.example.com",
        ];
        assert_eq!(fields(&mut decoder, &block), first);
        // The second: its status pushes the first status out of the table.
        let second = fields(&mut decoder, b"\x48\x83\x64\x0e\xff\xc1\xc0\xbf");
        assert_eq!(second[0], ":status: 307");
        assert_eq!(second[1..], first[1..]);
        assert!(decoder.decode(b"\xc2").is_err());
    }

    #[test]
    fn what_is_cut_or_unknown_is_refused() {
        for block in [
            b"\x80".as_slice(),
            b"\x00\x05ab",
            b"\xff\xff\xff\xff\xff\xff",
        ] {
            assert!(Decoder::default().decode(block).is_err(), "{block:?}");
        }
    }
}
