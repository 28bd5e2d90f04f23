//! Fields on the wire: tags, varints, lengths.

use crate::error::{DecodeError, Result};

// What a field must hold, as errors say it.
pub(crate) const TEXT: &str = "text";
pub(crate) const MESSAGE: &str = "a message";
pub(crate) const INTEGER: &str = "an integer";
pub(crate) const BYTES: &str = "bytes";
pub(crate) const FLOAT32: &str = "a float32";

/// Levels of messages, as in every protobuf library.
pub(crate) const DEPTH_LIMIT: usize = 100;

const GROUP_START: u8 = 3;
const GROUP_END: u8 = 4;

/// A stretch of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Where the fields of one message are. A message that comes several times is merged, which is
/// reading one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spans {
    first: Option<Span>,
    rest: Vec<Span>,
}

impl Spans {
    pub(crate) fn one(span: Span) -> Self {
        Self {
            first: Some(span),
            rest: Vec::new(),
        }
    }

    pub(crate) fn push(&mut self, span: Span) {
        if self.first.is_none() {
            self.first = Some(span);
        } else {
            self.rest.push(span);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.first.into_iter().chain(self.rest.iter().copied())
    }

    /// Where the first of them starts.
    pub(crate) fn start(&self) -> usize {
        self.first.map_or(0, |span| span.start)
    }
}

/// The value of a field, as it is on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wire {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Len(Span),
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    pub(crate) value: Wire,
    /// Where its tag starts.
    pub(crate) offset: usize,
}

impl Field {
    pub(crate) fn span(&self, expected: &'static str) -> Result<Span> {
        match self.value {
            Wire::Len(span) => Ok(span),
            Wire::Varint(_) | Wire::Fixed64(_) | Wire::Fixed32(_) => Err(self.wrong(expected)),
        }
    }

    pub(crate) fn varint(&self, expected: &'static str) -> Result<u64> {
        match self.value {
            Wire::Varint(value) => Ok(value),
            Wire::Len(_) | Wire::Fixed64(_) | Wire::Fixed32(_) => Err(self.wrong(expected)),
        }
    }

    /// An integer of 32 bits; what is above them is cut off, as protobuf has it.
    #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
    pub(crate) fn int32(&self) -> Result<i32> {
        self.varint(INTEGER).map(|value| value as i32)
    }

    pub(crate) fn float32(&self) -> Result<f32> {
        match self.value {
            Wire::Fixed32(bits) => Ok(f32::from_bits(bits)),
            Wire::Len(_) | Wire::Fixed64(_) | Wire::Varint(_) => Err(self.wrong(FLOAT32)),
        }
    }

    pub(crate) fn float64(&self, expected: &'static str) -> Result<f64> {
        match self.value {
            Wire::Fixed64(bits) => Ok(f64::from_bits(bits)),
            Wire::Len(_) | Wire::Fixed32(_) | Wire::Varint(_) => Err(self.wrong(expected)),
        }
    }

    #[cold]
    pub(crate) fn wrong(&self, expected: &'static str) -> DecodeError {
        DecodeError::WrongType {
            path: String::new(),
            offset: self.offset,
            expected,
            found: match self.value {
                Wire::Varint(_) => "a varint",
                Wire::Fixed64(_) => "8 bytes of fixed length",
                Wire::Fixed32(_) => "4 bytes of fixed length",
                Wire::Len(_) => "bytes with a length",
            },
        }
    }
}

/// Walks over the fields of one span.
pub(crate) struct Fields<'a> {
    body: &'a [u8],
    pos: usize,
    end: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(body: &'a [u8], span: Span) -> Self {
        Self {
            body,
            pos: span.start,
            end: span.end,
        }
    }

    /// The next field; `None` at the end.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Field>> {
        loop {
            if self.pos == self.end {
                return Ok(None);
            }
            let offset = self.pos;
            let (number, wire_type) = self.tag()?;
            if wire_type == GROUP_START {
                self.skip_group(number)?;
                continue;
            }
            return Ok(Some(Field {
                number,
                value: self.value(offset, wire_type)?,
                offset,
            }));
        }
    }

    /// The number of a field, and its wire type.
    #[inline]
    fn tag(&mut self) -> Result<(u32, u8)> {
        let offset = self.pos;
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).unwrap_or(u32::MAX);
        if number == 0 || number > (1 << 29) - 1 {
            return Err(DecodeError::wire(offset, "a field number out of range"));
        }
        Ok((number, (tag & 7) as u8))
    }

    #[inline]
    fn value(&mut self, offset: usize, wire_type: u8) -> Result<Wire> {
        Ok(match wire_type {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => Wire::Len(self.length()?),
            5 => Wire::Fixed32(u32::from_le_bytes(self.array()?)),
            GROUP_END => {
                let problem = "the end of a group that did not start";
                return Err(DecodeError::wire(offset, problem));
            }
            _ => return Err(DecodeError::wire(offset, "an unknown wire type")),
        })
    }

    /// Passes over a group, an old way to write a message, which no field of today has.
    #[cold]
    fn skip_group(&mut self, number: u32) -> Result<()> {
        let mut open = vec![number];
        while let Some(&innermost) = open.last() {
            let offset = self.pos;
            if offset == self.end {
                return Err(DecodeError::wire(offset, "a group that does not end"));
            }
            let (number, wire_type) = self.tag()?;
            match wire_type {
                GROUP_START if open.len() == DEPTH_LIMIT => {
                    return Err(DecodeError::wire(
                        offset,
                        "groups that are nested too deeply",
                    ));
                }
                GROUP_START => open.push(number),
                GROUP_END if number == innermost => {
                    open.pop();
                }
                _ => {
                    self.value(offset, wire_type)?;
                }
            }
        }
        Ok(())
    }

    /// The next varint by itself, as in a packed list; `None` at the end.
    pub(crate) fn packed_varint(&mut self) -> Result<Option<u64>> {
        if self.pos == self.end {
            return Ok(None);
        }
        self.varint().map(Some)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64> {
        if let Some(&byte) = self.body[..self.end].get(self.pos)
            && byte < 0x80
        {
            self.pos += 1;
            return Ok(byte.into());
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64> {
        let start = self.pos;
        let mut value = 0;
        for (index, &byte) in self.body[start..self.end].iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                if index == 9 && byte > 1 {
                    break;
                }
                self.pos = start + index + 1;
                return Ok(value);
            }
        }
        Err(if self.end - start < 10 {
            DecodeError::wire(self.end, "a number that is cut off")
        } else {
            DecodeError::wire(start, "a number of more than 64 bits")
        })
    }

    fn length(&mut self) -> Result<Span> {
        let offset = self.pos;
        let length = self.varint()?;
        let start = self.pos;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| start.checked_add(length))
            .filter(|&end| end <= self.end)
            .ok_or_else(|| DecodeError::wire(offset, "a length that goes beyond the end"))?;
        self.pos = end;
        Ok(Span { start, end })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let chunk = self.body[self.pos..self.end].first_chunk::<N>();
        let chunk = chunk.ok_or_else(|| DecodeError::wire(self.end, "a number that is cut off"))?;
        self.pos += N;
        Ok(*chunk)
    }
}
