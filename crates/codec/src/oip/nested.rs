//! Nested lists of anything, element by element.

use crate::error::{DecodeError, Result};
use crate::json::array::MAX_DIMS;
use crate::json::scan::Cursor;

/// A side whose length no list has fixed yet.
const OPEN: usize = usize::MAX;

/// Walks over a nested list, all of whose lists of a level must be of one length; `each` stands
/// before an element, which it must walk over. Returns the lengths, outermost first.
pub(super) fn walk<'a>(
    cursor: &mut Cursor<'a>,
    mut each: impl FnMut(&mut Cursor<'a>) -> Result<()>,
) -> Result<Vec<usize>> {
    const IRREGULAR: &str = "lists of one level that differ in length or depth";
    let mut sides = [OPEN; MAX_DIMS];
    let mut counts = [0_usize; MAX_DIMS];
    let (mut depth, mut deepest) = (0, OPEN);
    loop {
        if depth == MAX_DIMS {
            return Err(DecodeError::invalid(
                cursor.pos,
                "more than 32 lists in each other",
            ));
        }
        if !cursor.take(b'[') {
            return Err(if depth == 0 {
                cursor.wrong_type("a list")
            } else {
                DecodeError::invalid(cursor.pos, IRREGULAR)
            });
        }
        counts[depth] = 0;
        depth += 1;
        cursor.whitespace();
        if cursor.peek() == Some(b'[') && deepest != depth {
            continue;
        }
        if deepest == OPEN {
            deepest = depth;
        } else if deepest != depth {
            return Err(DecodeError::invalid(cursor.pos, IRREGULAR));
        }
        let mut count = row(cursor, IRREGULAR, &mut each)?;
        loop {
            depth -= 1;
            if sides[depth] == OPEN {
                sides[depth] = count;
            } else if sides[depth] != count {
                return Err(DecodeError::invalid(cursor.pos, IRREGULAR));
            }
            if depth == 0 {
                return Ok(sides[..deepest].to_vec());
            }
            counts[depth - 1] += 1;
            if more(cursor)? {
                break;
            }
            count = counts[depth - 1];
        }
    }
}

/// The elements of one list, from behind its bracket; how many there were.
fn row<'a>(
    cursor: &mut Cursor<'a>,
    irregular: &'static str,
    each: &mut impl FnMut(&mut Cursor<'a>) -> Result<()>,
) -> Result<usize> {
    if cursor.take(b']') {
        return Ok(0);
    }
    let mut count = 0;
    loop {
        if cursor.peek() == Some(b'[') {
            return Err(DecodeError::invalid(cursor.pos, irregular));
        }
        each(cursor)?;
        count += 1;
        if !more(cursor)? {
            return Ok(count);
        }
    }
}

/// Takes what stands after an element: whether the list goes on.
fn more(cursor: &mut Cursor<'_>) -> Result<bool> {
    cursor.whitespace();
    let more = cursor.take(b',');
    if !more && !cursor.take(b']') {
        return Err(cursor.syntax("`,` or `]`"));
    }
    if more {
        cursor.whitespace();
    }
    Ok(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(json: &str) -> Result<Vec<usize>> {
        let mut cursor = Cursor::new(json.as_bytes()).unwrap();
        let shape = walk(&mut cursor, Cursor::skip)?;
        cursor.end()?;
        Ok(shape)
    }

    #[test]
    fn regular_lists_have_a_shape() {
        for (json, expected) in [
            ("[]", &[0][..]),
            (r#" [ "a" , 1 ] "#, &[2]),
            ("[[],[]]", &[2, 0]),
            ("[ [ [1] , [2] ] , [ [3] , [ 4 ] ] ]", &[2, 2, 1]),
            (r#"[{"a":[1]},null]"#, &[2]),
        ] {
            assert_eq!(shape(json).unwrap(), expected, "{json}");
        }
        let deep = |levels| format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(shape(&deep(32)).unwrap(), [1; 32]);
        assert!(shape(&deep(33)).is_err());
    }

    #[test]
    fn others_are_errors() {
        for json in [
            "1",
            "[1",
            "[1,]",
            "[1 2]",
            "[1,[2]]",
            "[[1],2]",
            "[[1],[2,3]]",
            "[[1],[[2]]]",
            "[[[1]],[2]]",
            "[[],[1]]",
            "[[],[[]]]",
            "[[[]],[]]",
        ] {
            assert!(shape(json).is_err(), "{json}");
        }
    }
}
