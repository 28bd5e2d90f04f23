//! A JSON reader for responses as Python writes them: `NaN` and `Infinity` are numbers, integers
//! have any number of digits and stay apart from floats, a lone surrogate is kept as its escape.

use std::fmt::{self, Write as _};
use std::iter::Peekable;
use std::str::CharIndices;

use crate::clip::clip;
use crate::glob::glob;

/// Largest relative distance of two floats that still count as the same number, where nothing else
/// is said.
const TOLERANCE: f64 = 1e-12;

/// Arrays and objects within one another, at most. Reading and comparing go down one call for each,
/// and must not come to the end of the stack; no array that a model returns is near it.
const DEPTH: usize = 512;

/// Lines that the comparison of two values gives at most: two large arrays may differ in every
/// element.
const LINES: usize = 20;

/// A JSON value that remembers whether a number was written as an integer.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction and exponent, as its digits.
    Int(String),
    /// A number with a fraction or an exponent, `NaN` or an infinity.
    Float(f64),
    /// Text; an escaped lone surrogate stays an escape.
    Text(String),
    /// An array.
    Array(Vec<Self>),
    /// An object, in the order of the text, with any duplicate keys.
    Object(Vec<(String, Self)>),
}

/// How strictly two values are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// A `*` in an expected text is any run of characters.
    pub globs: bool,
    /// Integers and floats are one kind, and a key that is missing on either side is as good as one
    /// that holds what protobuf leaves out: an empty list, object or text, zero, `false`,
    /// `COUNTER`.
    pub loosely: bool,
    /// Largest relative distance of two floats that still count as the same number.
    pub tolerance: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            globs: false,
            loosely: false,
            tolerance: TOLERANCE,
        }
    }
}

impl Json {
    /// Reads one value that fills the whole text.
    ///
    /// # Errors
    ///
    /// What was met instead, with its byte offset; a value that is nested too deeply to be read.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader {
            text,
            chars: text.char_indices().peekable(),
            depth: 0,
        };
        let value = reader.value()?;
        reader.blank();
        match reader.chars.peek() {
            None => Ok(value),
            Some((at, found)) => Err(format!("'{found}' after the value, at byte {at}")),
        }
    }

    /// Adds to `found` one line for each place where `got` is not what `self` says: the first of
    /// them, and how many more there are.
    ///
    /// Integers and floats are different kinds; floats are equal within the tolerance, `NaN` is
    /// equal to `NaN`; the order of keys does not count. `rules` may relax this.
    pub fn mismatches(&self, got: &Self, rules: Rules, path: &str, found: &mut Vec<String>) {
        let mut lines = Lines {
            path: path.to_owned(),
            first: Vec::new(),
            more: 0,
        };
        self.compare(got, rules, &mut lines);
        found.append(&mut lines.first);
        if lines.more > 0 {
            found.push(format!("and {} more differences", lines.more));
        }
    }

    fn compare(&self, got: &Self, rules: Rules, lines: &mut Lines) {
        match (self, got) {
            (Self::Array(want), Self::Array(have)) if want.len() == have.len() => {
                for (index, (want, have)) in want.iter().zip(have).enumerate() {
                    lines.at(format_args!("[{index}]"), |lines| {
                        want.compare(have, rules, lines);
                    });
                }
            }
            (Self::Object(want), Self::Object(have)) => {
                for (key, want) in want {
                    lines.at(format_args!(".{key}"), |lines| {
                        match have.iter().find(|(name, _)| name == key) {
                            Some((_, have)) => want.compare(have, rules, lines),
                            None if rules.loosely && want.is_left_out() => {}
                            None => lines.push(|| format!("missing, want {}", want.show())),
                        }
                    });
                }
                for (key, have) in have {
                    let spare = rules.loosely && have.is_left_out();
                    if !spare && !want.iter().any(|(name, _)| name == key) {
                        lines.at(format_args!(".{key}"), |lines| {
                            lines.push(|| format!("not expected, got {}", have.show()));
                        });
                    }
                }
            }
            (Self::Text(want), Self::Text(have)) if rules.globs && glob(want, have) => {}
            (Self::Float(want), Self::Float(have)) if rules.same_float(*want, *have) => {}
            (want, have) if want == have => {}
            (want, have) if rules.loosely && want.same_number(have, rules) => {}
            (want, have) => {
                lines.push(|| format!("want {}, got {}", want.show(), have.show()));
            }
        }
    }

    /// Whether protobuf's JSON leaves a field with this value out.
    fn is_left_out(&self) -> bool {
        match self {
            Self::Null | Self::Bool(true) => false,
            Self::Bool(false) => true,
            Self::Int(digits) => digits == "0",
            Self::Float(value) => *value == 0.0,
            Self::Text(text) => text.is_empty() || text == "COUNTER",
            Self::Array(items) => items.is_empty(),
            Self::Object(fields) => fields.is_empty(),
        }
    }

    fn same_number(&self, other: &Self, rules: Rules) -> bool {
        let (Some(one), Some(two)) = (self.number(), other.number()) else {
            return false;
        };
        rules.same_float(one, two)
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(digits) => digits.parse().ok(),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn show(&self) -> String {
        clip(Shown(self))
    }
}

/// The lines of a comparison under way.
struct Lines {
    /// Where it is.
    path: String,
    first: Vec<String>,
    /// How many more there are.
    more: usize,
}

impl Lines {
    /// Does `work` one step further down the path.
    fn at(&mut self, step: fmt::Arguments<'_>, work: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        // Writing to a string does not fail.
        let _ = self.path.write_fmt(step);
        work(self);
        self.path.truncate(length);
    }

    /// Adds a line on the place where the comparison is; `what` is not called for one too many.
    fn push(&mut self, what: impl FnOnce() -> String) {
        if self.first.len() < LINES {
            self.first.push(format!("{}: {}", self.path, what()));
        } else {
            self.more += 1;
        }
    }
}

/// A value with the kinds of its numbers, for people.
struct Shown<'a>(&'a Json);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Json::Null => f.write_str("null"),
            Json::Bool(value) => write!(f, "{value}"),
            Json::Int(digits) => write!(f, "integer {digits}"),
            Json::Float(value) => write!(f, "float {value:?}"),
            Json::Text(text) => write!(f, "{text:?}"),
            Json::Array(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{}", if index == 0 { "" } else { ", " }, Self(item))?;
                }
                f.write_char(']')
            }
            Json::Object(fields) => {
                f.write_char('{')?;
                for (index, (key, value)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{key:?}: {}", Self(value))?;
                }
                f.write_char('}')
            }
        }
    }
}

impl fmt::Display for Json {
    /// Writes it as Python does: `NaN` and `Infinity` are numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(digits) => f.write_str(digits),
            Self::Float(value) if value.is_nan() => f.write_str("NaN"),
            Self::Float(value) if value.is_infinite() => f.write_str(if *value > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            }),
            Self::Float(value) => write!(f, "{value:?}"),
            Self::Text(text) => quoted(text, f),
            Self::Array(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_char(']')
            }
            Self::Object(fields) => {
                f.write_char('{')?;
                for (index, (key, value)) in fields.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    quoted(key, f)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

impl Rules {
    fn same_float(self, want: f64, have: f64) -> bool {
        (want.is_nan() && have.is_nan())
            || want == have
            || (want - have).abs() <= self.tolerance * want.abs().max(have.abs())
                && want.is_finite()
                && have.is_finite()
    }
}

struct Reader<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    /// Arrays and objects that are open.
    depth: usize,
}

impl Reader<'_> {
    fn blank(&mut self) {
        while self
            .chars
            .next_if(|(_, c)| matches!(c, ' ' | '\t' | '\r' | '\n'))
            .is_some()
        {}
    }

    fn take(&mut self, expected: char) -> bool {
        self.blank();
        self.chars.next_if(|(_, c)| *c == expected).is_some()
    }

    fn expect(&mut self, expected: char) -> Result<(), String> {
        if self.take(expected) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{expected}'")))
        }
    }

    fn unexpected(&mut self, expected: &str) -> String {
        match self.chars.peek() {
            Some((at, c)) => format!("'{c}' at byte {at}, want {expected}"),
            None => format!("end of text, want {expected}"),
        }
    }

    fn value(&mut self) -> Result<Json, String> {
        self.blank();
        match self.chars.peek().map(|(_, c)| *c) {
            Some('{') => self.inside(Self::object),
            Some('[') => self.inside(Self::array),
            Some('"') => self.string().map(Json::Text),
            _ => self.word(),
        }
    }

    fn inside(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Json, String>,
    ) -> Result<Json, String> {
        if self.depth == DEPTH {
            return Err(format!("nested more than {DEPTH} levels deep"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Result<Json, String> {
        self.expect('{')?;
        let mut fields = Vec::new();
        if self.take('}') {
            return Ok(Json::Object(fields));
        }
        loop {
            self.blank();
            let key = self.string()?;
            self.expect(':')?;
            fields.push((key, self.value()?));
            if !self.take(',') {
                break;
            }
        }
        self.expect('}')?;
        Ok(Json::Object(fields))
    }

    fn array(&mut self) -> Result<Json, String> {
        self.expect('[')?;
        let mut items = Vec::new();
        if self.take(']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            if !self.take(',') {
                break;
            }
        }
        self.expect(']')?;
        Ok(Json::Array(items))
    }

    fn string(&mut self) -> Result<String, String> {
        if self.chars.next_if(|(_, c)| *c == '"').is_none() {
            return Err(self.unexpected("'\"'"));
        }
        let mut text = String::new();
        loop {
            match self.chars.next() {
                None => return Err(self.unexpected("'\"'")),
                Some((_, '"')) => return Ok(text),
                Some((_, '\\')) => self.escape(&mut text)?,
                Some((_, c)) => text.push(c),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<(), String> {
        let plain = match self.chars.next().map(|(_, c)| c) {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('u') => {
                let unit = self.unit()?;
                return self.code_point(unit, text);
            }
            _ => return Err(self.unexpected("an escape")),
        };
        text.push(plain);
        Ok(())
    }

    fn unit(&mut self) -> Result<u32, String> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.chars.next().and_then(|(_, c)| c.to_digit(16));
            unit = unit * 16 + digit.ok_or("want four hexadecimal digits in an escape")?;
        }
        Ok(unit)
    }

    fn code_point(&mut self, unit: u32, text: &mut String) -> Result<(), String> {
        if let Some(c) = char::from_u32(unit) {
            text.push(c);
            return Ok(());
        }
        let mut ahead = self.chars.clone();
        let escaped = ahead.next().is_some_and(|(_, c)| c == '\\')
            && ahead.next().is_some_and(|(_, c)| c == 'u');
        if (0xd800..0xdc00).contains(&unit) && escaped {
            self.chars = ahead;
            let low = self.unit()?;
            if (0xdc00..0xe000).contains(&low) {
                let point = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                text.extend(char::from_u32(point));
                return Ok(());
            }
            text.push_str(&format!("\\u{unit:04x}"));
            return self.code_point(low, text);
        }
        text.push_str(&format!("\\u{unit:04x}"));
        Ok(())
    }

    fn word(&mut self) -> Result<Json, String> {
        let Some(&(start, _)) = self.chars.peek() else {
            return Err(self.unexpected("a value"));
        };
        let mut end = start;
        while let Some((at, c)) = self
            .chars
            .next_if(|(_, c)| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        {
            end = at + c.len_utf8();
        }
        let word = &self.text[start..end];
        match word {
            "null" => Ok(Json::Null),
            "true" => Ok(Json::Bool(true)),
            "false" => Ok(Json::Bool(false)),
            "NaN" => Ok(Json::Float(f64::NAN)),
            "Infinity" => Ok(Json::Float(f64::INFINITY)),
            "-Infinity" => Ok(Json::Float(f64::NEG_INFINITY)),
            _ => number(word).ok_or_else(|| format!("\"{word}\" at byte {start}, want a value")),
        }
    }
}

fn number(word: &str) -> Option<Json> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if digits.bytes().all(|c| c.is_ascii_digit()) {
        return Some(Json::Int(word.to_owned()));
    }
    word.parse().ok().map(Json::Float)
}

#[cfg(test)]
mod tests;
