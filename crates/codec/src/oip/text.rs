//! Nested lists of text as tensors of `BYTES`.

use streeling_core::{DType, Tensor};

use crate::json::array::MAX_DIMS;
use crate::json::scan::Cursor;

/// A side whose length no list has fixed yet.
const OPEN: usize = usize::MAX;

/// Reads a nested list of nothing but text, all of whose lists of a level are of one length;
/// `None` for anything else.
pub(super) fn regular_texts(mut cursor: Cursor<'_>) -> Option<Tensor> {
    let mut sides = [OPEN; MAX_DIMS];
    let mut counts = [0; MAX_DIMS];
    let mut data = Vec::new();
    let (mut depth, mut deepest) = (0, OPEN);
    loop {
        // Before a value.
        cursor.whitespace();
        if cursor.peek() == Some(b'[') {
            if depth == deepest || depth == MAX_DIMS {
                return None;
            }
            cursor.take(b'[');
            counts[depth] = 0;
            depth += 1;
            continue;
        }
        if depth == 0 || (deepest != OPEN && deepest != depth) {
            return None;
        }
        deepest = depth;
        let text = cursor.string().ok()?;
        data.extend_from_slice(&u32::try_from(text.len()).ok()?.to_le_bytes());
        data.extend_from_slice(text.as_bytes());
        // After one.
        loop {
            counts[depth - 1] += 1;
            cursor.whitespace();
            if cursor.take(b',') {
                break;
            }
            if !cursor.take(b']') {
                return None;
            }
            depth -= 1;
            if sides[depth] == OPEN {
                sides[depth] = counts[depth];
            } else if sides[depth] != counts[depth] {
                return None;
            }
            if depth == 0 {
                cursor.end().ok()?;
                return Tensor::new(DType::Bytes, sides[..deepest].to_vec(), data.into()).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(json: &str) -> Option<(Vec<usize>, Vec<String>)> {
        let tensor = regular_texts(Cursor::new(json.as_bytes()).unwrap())?;
        let elements = tensor.byte_elements();
        let elements = elements.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        Some((tensor.shape().to_vec(), elements.collect()))
    }

    #[test]
    fn regular_lists_of_text_alone_are_tensors() {
        let found = texts(r#" [ [ "a" , "\u00e9" ] , ["", "d"] ,["e","f"]] "#).unwrap();
        assert_eq!(found.0, [3, 2]);
        assert_eq!(found.1, ["a", "é", "", "d", "e", "f"]);
        assert_eq!(texts(r#"["a"]"#).unwrap().0, [1]);
        assert_eq!(texts(r#"[[["a"]]]"#).unwrap().0, [1, 1, 1]);
    }

    #[test]
    fn anything_else_is_none() {
        for json in [
            "\"a\"",
            "[]",
            "[[]]",
            "[1]",
            r#"["a",1]"#,
            r#"["a",["b"]]"#,
            r#"[["a"],"b"]"#,
            r#"[["a"],["b","c"]]"#,
            r#"[["a"],[["b"]]]"#,
            r#"["a"] 1"#,
            r#"["\ud800"]"#,
            r#"["a""#,
            r#"["a",]"#,
        ] {
            assert_eq!(texts(json), None, "{json}");
        }
        let deep = format!("{}\"a\"{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(texts(&deep), None);
        let fits = format!("{}\"a\"{}", "[".repeat(32), "]".repeat(32));
        assert_eq!(texts(&fits).unwrap().0, [1; 32]);
    }
}
