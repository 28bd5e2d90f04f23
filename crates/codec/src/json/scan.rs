//! A position in a JSON text: whitespace, strings, and walking over whole values.

use std::borrow::Cow;

use super::number;
use crate::error::{DecodeError, Result};

/// Levels of lists and objects within one value. Python's own limit is its recursion limit, 1000
/// less what the caller has used up; a fixed one does not depend on the caller.
pub(crate) const DEPTH_LIMIT: usize = 512;

/// The contents of a string literal, without the quotes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Whether there is a backslash in it.
    escaped: bool,
}

/// A position in a text that is known to be UTF-8. A copy is a bookmark.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    text: &'a str,
    pub(crate) pos: usize,
}

impl<'a> Cursor<'a> {
    /// Starts at the first value of a body: after a byte order mark and whitespace.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self> {
        let text = std::str::from_utf8(body)
            .map_err(|error| DecodeError::syntax(error.valid_up_to(), "UTF-8"))?;
        let pos = if text.starts_with('\u{feff}') { 3 } else { 0 };
        let mut cursor = Self { text, pos };
        cursor.whitespace();
        Ok(cursor)
    }

    pub(crate) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.pos).copied()
    }

    #[inline]
    pub(crate) fn whitespace(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.pos += 1;
        }
    }

    /// Takes `byte` if it is next.
    #[inline]
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.pos += usize::from(there);
        there
    }

    /// Takes `word` if it is next.
    pub(crate) fn take_word(&mut self, word: &[u8]) -> bool {
        let there = self.bytes()[self.pos..].starts_with(word);
        if there {
            self.pos += word.len();
        }
        there
    }

    /// The end of the document: nothing but whitespace is left.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.whitespace();
        if self.pos == self.text.len() {
            Ok(())
        } else {
            Err(self.syntax("the end of the document"))
        }
    }

    #[cold]
    pub(crate) fn syntax(&self, expected: &'static str) -> DecodeError {
        DecodeError::syntax(self.pos, expected)
    }

    /// The error for a value of the wrong type, or for something that is no value at all.
    #[cold]
    pub(crate) fn wrong_type(&self, expected: &'static str) -> DecodeError {
        match self.kind() {
            Some(found) => DecodeError::WrongType {
                path: String::new(),
                offset: self.pos,
                expected,
                found,
            },
            None => self.syntax("a value"),
        }
    }

    /// What the value here is, for people; `None` if none starts here.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        Some(match self.peek()? {
            b'{' => "an object",
            b'[' => "a list",
            b'"' => "a string",
            b't' | b'f' => "a boolean",
            b'n' => "null",
            b'-' | b'0'..=b'9' | b'N' | b'I' => "a number",
            _ => return None,
        })
    }

    /// Walks over an object; `each` is called with a name and stands before its value, which it
    /// must walk over.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut each: impl FnMut(&mut Self, Span) -> Result<()>,
    ) -> Result<()> {
        if !self.take(b'{') {
            return Err(self.wrong_type("an object"));
        }
        self.whitespace();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            let name = self.name()?;
            each(self, name)?;
            self.whitespace();
            if self.take(b',') {
                self.whitespace();
            } else if self.take(b'}') {
                return Ok(());
            } else {
                return Err(self.syntax("`,` or `}`"));
            }
        }
    }

    /// Walks over a list; `each` stands before an element, which it must walk over.
    #[inline]
    pub(crate) fn list(&mut self, mut each: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if !self.take(b'[') {
            return Err(self.wrong_type("a list"));
        }
        self.whitespace();
        if self.take(b']') {
            return Ok(());
        }
        let mut index = 0;
        loop {
            each(self).map_err(|error| error.at_index(index))?;
            index += 1;
            self.whitespace();
            if self.take(b',') {
                self.whitespace();
            } else if self.take(b']') {
                return Ok(());
            } else {
                return Err(self.syntax("`,` or `]`"));
            }
        }
    }

    /// A name in an object with its colon; stands before the value afterwards.
    #[inline]
    fn name(&mut self) -> Result<Span> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax("a name in double quotes"));
        }
        let name = self.skip_string()?;
        self.whitespace();
        if !self.take(b':') {
            return Err(self.syntax("`:`"));
        }
        self.whitespace();
        Ok(name)
    }

    /// A string's text.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong_type("a string"));
        }
        let span = self.skip_string()?;
        self.text(span)
    }

    /// Walks over a string that starts here, escapes checked.
    #[inline]
    pub(crate) fn skip_string(&mut self) -> Result<Span> {
        let bytes = self.bytes();
        let start = self.pos + 1;
        let mut pos = start;
        let mut escaped = false;
        loop {
            pos = plain_end(bytes, pos);
            match bytes.get(pos) {
                Some(b'"') => {
                    self.pos = pos + 1;
                    return Ok(Span {
                        start,
                        end: pos,
                        escaped,
                    });
                }
                Some(b'\\') => {
                    escaped = true;
                    pos = skip_escape(bytes, pos)?;
                }
                Some(_) => {
                    return Err(DecodeError::syntax(pos, "control characters to be escaped"));
                }
                None => return Err(DecodeError::syntax(pos, "the end of the string")),
            }
        }
    }

    /// The text of a string that has been walked over.
    #[inline]
    pub(crate) fn text(&self, span: Span) -> Result<Cow<'a, str>> {
        let literal = &self.text[span.start..span.end];
        if span.escaped {
            unescape(literal, span.start).map(Cow::Owned)
        } else {
            Ok(Cow::Borrowed(literal))
        }
    }

    /// A field's name, to be compared. One that no Rust string can hold keeps its escapes, so that
    /// it equals no known name.
    #[inline]
    pub(crate) fn field(&self, span: Span) -> Cow<'a, str> {
        self.text(span)
            .unwrap_or(Cow::Borrowed(&self.text[span.start..span.end]))
    }

    /// Walks over one value of any kind and checks its syntax in full.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let mut nesting = Nesting::default();
        loop {
            // Before a value.
            let complete = match self.peek() {
                Some(b'"') => {
                    self.skip_string()?;
                    true
                }
                Some(b'[') => {
                    nesting.open(self.pos, Level::List)?;
                    self.pos += 1;
                    self.whitespace();
                    let empty = self.take(b']');
                    if empty {
                        nesting.close();
                    }
                    empty
                }
                Some(b'{') => {
                    nesting.open(self.pos, Level::Object)?;
                    self.pos += 1;
                    self.whitespace();
                    let empty = self.take(b'}');
                    if empty {
                        nesting.close();
                    } else {
                        self.name()?;
                    }
                    empty
                }
                Some(b't') if self.take_word(b"true") => true,
                Some(b'f') if self.take_word(b"false") => true,
                Some(b'n') if self.take_word(b"null") => true,
                _ => match number::scan(self.bytes(), self.pos) {
                    Some((_, end)) => {
                        self.pos = end;
                        true
                    }
                    None => return Err(self.syntax("a value")),
                },
            };
            if !complete {
                continue;
            }
            // After a value: close what ends here.
            loop {
                let Some(level) = nesting.innermost() else {
                    return Ok(());
                };
                self.whitespace();
                if self.take(b',') {
                    self.whitespace();
                    if level == Level::Object {
                        self.name()?;
                    }
                    break;
                }
                let (close, expected) = match level {
                    Level::List => (b']', "`,` or `]`"),
                    Level::Object => (b'}', "`,` or `}`"),
                };
                if !self.take(close) {
                    return Err(self.syntax(expected));
                }
                nesting.close();
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Level {
    List,
    Object,
}

/// Which brackets are open: one bit each, so that no input can make it grow.
#[derive(Default)]
struct Nesting {
    depth: usize,
    objects: [u64; DEPTH_LIMIT / 64],
}

impl Nesting {
    fn open(&mut self, offset: usize, level: Level) -> Result<()> {
        if self.depth == DEPTH_LIMIT {
            return Err(DecodeError::TooDeep {
                path: String::new(),
                offset,
                limit: DEPTH_LIMIT,
            });
        }
        let bit = 1 << (self.depth % 64);
        let word = &mut self.objects[self.depth / 64];
        match level {
            Level::Object => *word |= bit,
            Level::List => *word &= !bit,
        }
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
    }

    fn innermost(&self) -> Option<Level> {
        let index = self.depth.checked_sub(1)?;
        Some(if self.objects[index / 64] >> (index % 64) & 1 == 1 {
            Level::Object
        } else {
            Level::List
        })
    }
}

/// The first position from `pos` on that holds a quote, a backslash or a control character, or the
/// end of the text.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], mut pos: usize) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    while let Some(eight) = bytes.get(pos..).and_then(<[u8]>::first_chunk::<8>) {
        let word = u64::from_le_bytes(*eight);
        let quote = word ^ (ONES * b'"' as u64);
        let backslash = word ^ (ONES * b'\\' as u64);
        // Exact up to the first hit, which is all that is needed.
        let hits = (quote.wrapping_sub(ONES) & !quote
            | backslash.wrapping_sub(ONES) & !backslash
            | word.wrapping_sub(ONES * 0x20) & !word)
            & HIGHS;
        if hits != 0 {
            return pos + hits.trailing_zeros() as usize / 8;
        }
        pos += 8;
    }
    while let Some(&byte) = bytes.get(pos) {
        if byte == b'"' || byte == b'\\' || byte < 0x20 {
            break;
        }
        pos += 1;
    }
    pos
}

/// Walks over the escape that starts at `pos`.
fn skip_escape(bytes: &[u8], pos: usize) -> Result<usize> {
    match bytes.get(pos + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(pos + 2),
        Some(b'u') => match hex4(bytes, pos + 2) {
            Some(_) => Ok(pos + 6),
            None => Err(DecodeError::syntax(
                pos,
                "four hexadecimal digits after `\\u`",
            )),
        },
        _ => Err(DecodeError::syntax(pos, "an escape that JSON knows")),
    }
}

fn hex4(bytes: &[u8], pos: usize) -> Option<u32> {
    let digits = bytes.get(pos..pos + 4)?;
    digits.iter().try_fold(0, |code, &digit| {
        Some(code << 4 | char::from(digit).to_digit(16)?)
    })
}

/// The text of a literal whose escapes have been checked.
fn unescape(literal: &str, offset: usize) -> Result<String> {
    let bytes = literal.as_bytes();
    let mut text = String::with_capacity(literal.len());
    let mut pos = 0;
    while let Some(plain) = literal[pos..].find('\\') {
        text.push_str(&literal[pos..pos + plain]);
        pos += plain;
        let short = match bytes[pos + 1] {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, end) = unicode_escape(bytes, pos).ok_or_else(|| {
                    DecodeError::invalid(offset + pos, "half of a surrogate pair in text")
                })?;
                text.push(character);
                pos = end;
                continue;
            }
            other => char::from(other),
        };
        text.push(short);
        pos += 2;
    }
    text.push_str(&literal[pos..]);
    Ok(text)
}

/// The character of the `\u` escape at `pos`, or of the two that make a surrogate pair.
fn unicode_escape(bytes: &[u8], pos: usize) -> Option<(char, usize)> {
    let code = hex4(bytes, pos + 2)?;
    if let Some(character) = char::from_u32(code) {
        return Some((character, pos + 6));
    }
    if !(0xd800..0xdc00).contains(&code) || !bytes[pos + 6..].starts_with(b"\\u") {
        return None;
    }
    let low = hex4(bytes, pos + 8).filter(|low| (0xdc00..0xe000).contains(low))?;
    let code = 0x1_0000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    Some((char::from_u32(code)?, pos + 12))
}
