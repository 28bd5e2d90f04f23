//! Nested lists of text as tensors of `BYTES`.

use streeling_core::{DType, Tensor};

use super::nested::walk;
use crate::error::{DecodeError, Result};
use crate::json::scan::Cursor;

/// Appends the text that stands here as an element of [`DType::Bytes`].
pub(super) fn element(cursor: &mut Cursor<'_>, data: &mut Vec<u8>) -> Result<()> {
    let offset = cursor.pos;
    let text = cursor.string()?;
    let length = u32::try_from(text.len())
        .map_err(|_| DecodeError::invalid(offset, "an element of 4 GiB or more"))?;
    data.extend_from_slice(&length.to_le_bytes());
    data.extend_from_slice(text.as_bytes());
    Ok(())
}

/// Reads a document that is a nested list of nothing but text, all of whose lists of a level are of
/// one length; `None` for anything else.
pub(super) fn regular_texts(mut cursor: Cursor<'_>) -> Option<Tensor> {
    let mut data = Vec::new();
    let shape = walk(&mut cursor, |cursor| element(cursor, &mut data)).ok()?;
    cursor.end().ok()?;
    if data.is_empty() {
        return None;
    }
    Tensor::new(DType::Bytes, shape, data.into()).ok()
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
            r#"["a"] 1"#,
            r#"["\ud800"]"#,
        ] {
            assert_eq!(texts(json), None, "{json}");
        }
    }
}
