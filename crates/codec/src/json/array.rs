//! Nested lists of numbers, straight into one typed buffer.
//!
//! Everything here returns `None` for what is not a regular array of numbers, be it text, a ragged
//! list or broken JSON. The caller then walks over the value again, which finds broken JSON, and
//! passes the text on as it is.

use streeling_core::Tensor;

use super::number::{self, Literal};
use super::scan::Cursor;
use super::short;

/// Most dimensions that every NumPy has; more are left to NumPy.
pub(crate) const MAX_DIMS: usize = 32;

/// A side whose length no list has fixed yet.
const OPEN: usize = usize::MAX;

/// The elements of an array, all of one kind. There is no kind before there is an element.
pub(crate) enum Values {
    None,
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
}

impl Values {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Bools(values) => values.len(),
            Self::Ints(values) => values.len(),
            Self::Floats(values) => values.len(),
        }
    }

    /// The tensor of a shape; `None` if that has another number of elements. An array without
    /// elements is float64, as in NumPy.
    pub(crate) fn into_tensor(self, shape: Vec<usize>) -> Option<Tensor> {
        match self {
            Self::None => Tensor::from_vec::<f64>(shape, Vec::new()),
            Self::Bools(values) => Tensor::from_bools(shape, values),
            Self::Ints(values) => Tensor::from_vec(shape, values),
            Self::Floats(values) => Tensor::from_vec(shape, values),
        }
        .ok()
    }
}

/// Reads a nested list of any depth.
pub(crate) fn nested(cursor: &mut Cursor<'_>) -> Option<Tensor> {
    let mut rows = Rows::new(cursor.pos);
    // For each level the length that its lists have, and how many elements the open one has so far.
    let mut sides = [OPEN; MAX_DIMS];
    let mut counts = [0_usize; MAX_DIMS];
    let mut depth = 0;
    // The level whose lists hold elements: all of them must be at the same one.
    let mut deepest = OPEN;
    loop {
        if depth == deepest || depth == MAX_DIMS || !cursor.take(b'[') {
            return None;
        }
        counts[depth] = 0;
        depth += 1;
        cursor.whitespace();
        if cursor.peek() == Some(b'[') {
            continue;
        }
        if deepest == OPEN {
            deepest = depth;
        } else if deepest != depth {
            return None;
        }
        let mut count = rows.row(cursor)?;
        loop {
            depth -= 1;
            if sides[depth] == OPEN {
                sides[depth] = count;
            } else if sides[depth] != count {
                return None;
            }
            if depth == 0 {
                return rows.values.into_tensor(sides[..deepest].to_vec());
            }
            counts[depth - 1] += 1;
            if more(cursor)? {
                break;
            }
            count = counts[depth - 1];
        }
    }
}

/// Reads a list of elements, with no list in it.
pub(crate) fn flat(cursor: &mut Cursor<'_>) -> Option<Values> {
    let mut rows = Rows::new(cursor.pos);
    if !cursor.take(b'[') {
        return None;
    }
    cursor.whitespace();
    rows.row(cursor)?;
    Some(rows.values)
}

/// Integers as floats.
#[expect(clippy::cast_precision_loss, reason = "rounds as NumPy does")]
pub(crate) fn to_floats(ints: Vec<i64>) -> Vec<f64> {
    ints.into_iter().map(|value| value as f64).collect()
}

/// Takes what stands after an element: whether the list goes on.
fn more(cursor: &mut Cursor<'_>) -> Option<bool> {
    let (more, pos) = separator(cursor.bytes(), cursor.pos)?;
    cursor.pos = pos;
    Some(more)
}

#[inline(always)]
fn separator(bytes: &[u8], mut pos: usize) -> Option<(bool, usize)> {
    loop {
        match bytes.get(pos)? {
            b',' => break,
            b']' => return Some((false, pos + 1)),
            b' ' | b'\t' | b'\n' | b'\r' => pos += 1,
            _ => return None,
        }
    }
    Some((true, after_whitespace(bytes, pos + 1)))
}

#[inline(always)]
fn after_whitespace(bytes: &[u8], mut pos: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(pos) {
        pos += 1;
    }
    pos
}

/// The innermost lists of an array, one after the other.
struct Rows {
    values: Values,
    /// Where the array starts: what has been read since says how much memory the rest will need.
    start: usize,
}

impl Rows {
    fn new(start: usize) -> Self {
        Self {
            values: Values::None,
            start,
        }
    }

    /// Reads the elements of one list from behind its bracket; how many there were.
    #[inline]
    fn row(&mut self, cursor: &mut Cursor<'_>) -> Option<usize> {
        if cursor.take(b']') {
            return Some(0);
        }
        let before = self.values.len();
        if let Values::None = self.values {
            self.values = match cursor.peek()? {
                b't' | b'f' => Values::Bools(Vec::new()),
                _ if is_plain_float(cursor.bytes(), cursor.pos) => Values::Floats(Vec::new()),
                _ => match number::scan(cursor.bytes(), cursor.pos)?.0 {
                    Literal::Int(_) => Values::Ints(Vec::new()),
                    Literal::Float(_) => Values::Floats(Vec::new()),
                    Literal::BigInt => return None,
                },
            };
        }
        if let Values::Ints(values) = &mut self.values
            && let Row::Float = ints(cursor, values, self.start)?
        {
            // As NumPy: one float makes all of them floats.
            let mut values = to_floats(std::mem::take(values));
            floats(cursor, &mut values, self.start)?;
            self.values = Values::Floats(values);
            return Some(self.values.len() - before);
        }
        match &mut self.values {
            Values::Bools(values) => bools(cursor, values)?,
            Values::Floats(values) => floats(cursor, values, self.start)?,
            Values::Ints(_) | Values::None => {}
        }
        Some(self.values.len() - before)
    }
}

/// Whether digits with a point behind them stand here, which is how most floats start: cheaper than
/// to read the first number of an array twice.
#[inline]
fn is_plain_float(bytes: &[u8], mut pos: usize) -> bool {
    pos += usize::from(bytes.get(pos) == Some(&b'-'));
    let start = pos;
    while let Some(b'0'..=b'9') = bytes.get(pos) {
        pos += 1;
    }
    pos > start && bytes.get(pos) == Some(&b'.')
}

/// How a row of integers ended.
enum Row {
    /// With its bracket.
    Closed,
    /// Before a float.
    Float,
}

fn ints(cursor: &mut Cursor<'_>, values: &mut Vec<i64>, start: usize) -> Option<Row> {
    let bytes = cursor.bytes();
    let mut pos = cursor.pos;
    loop {
        let (literal, end) = number::scan_inline(bytes, pos)?;
        match literal {
            Literal::Int(value) => push(values, value, start, pos, bytes.len()),
            Literal::Float(_) => {
                cursor.pos = pos;
                return Some(Row::Float);
            }
            Literal::BigInt => return None,
        }
        let more;
        (more, pos) = separator(bytes, end)?;
        if !more {
            cursor.pos = pos;
            return Some(Row::Closed);
        }
    }
}

fn floats(cursor: &mut Cursor<'_>, values: &mut Vec<f64>, start: usize) -> Option<()> {
    let bytes = cursor.bytes();
    let mut pos = cursor.pos;
    loop {
        let (value, end) = match decimal(bytes, pos) {
            Some((value, length)) => match bytes.get(pos + length) {
                Some(b',') => {
                    push(values, value, start, pos, bytes.len());
                    pos = after_whitespace(bytes, pos + length + 1);
                    continue;
                }
                Some(b'e' | b'E') => float(bytes, pos)?,
                _ => (value, pos + length),
            },
            None => float(bytes, pos)?,
        };
        push(values, value, start, pos, bytes.len());
        let more;
        (more, pos) = separator(bytes, end)?;
        if !more {
            cursor.pos = pos;
            return Some(());
        }
    }
}

/// Reads what most floats look like. Near the end of a text, which in a short one is everywhere,
/// [`number::decimal`] has nothing to read ahead.
#[inline(always)]
fn decimal(bytes: &[u8], pos: usize) -> Option<(f64, usize)> {
    let rest = bytes.get(pos..)?;
    match rest.first_chunk() {
        Some(window) => number::decimal(window),
        None => short::decimal(rest),
    }
}

/// Reads any number as a float.
#[inline(never)]
fn float(bytes: &[u8], pos: usize) -> Option<(f64, usize)> {
    let (literal, end) = number::scan_inline(bytes, pos)?;
    #[expect(clippy::cast_precision_loss, reason = "rounds as NumPy does")]
    let value = match literal {
        Literal::Float(value) => value,
        Literal::Int(value) => value as f64,
        Literal::BigInt => return None,
    };
    Some((value, end))
}

fn bools(cursor: &mut Cursor<'_>, values: &mut Vec<bool>) -> Option<()> {
    loop {
        let value = cursor.take_word(b"true");
        if !value && !cursor.take_word(b"false") {
            return None;
        }
        values.push(value);
        if !more(cursor)? {
            return Some(());
        }
    }
}

/// Appends an element that was found at `pos`. A full vector grows to what the rest of the text
/// will need if it goes on as it did.
#[inline(always)]
fn push<T>(values: &mut Vec<T>, value: T, start: usize, pos: usize, end: usize) {
    if values.len() == values.capacity() {
        grow(values, start, pos, end);
    }
    values.push(value);
}

#[cold]
#[inline(never)]
fn grow<T>(values: &mut Vec<T>, start: usize, pos: usize, end: usize) {
    /// Elements that fit without growing at first.
    const FIRST: usize = 16;
    let rest = end.saturating_sub(pos);
    // No element takes less than two bytes, so a claim on memory is never more than four times the
    // text.
    let most = rest / 2 + 1;
    let guess = if values.len() < FIRST {
        FIRST
    } else {
        let width = (pos.saturating_sub(start) / values.len()).max(2);
        rest / width + FIRST
    };
    values.reserve_exact(guess.max(values.len() / 2).min(most));
}
