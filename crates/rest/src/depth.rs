//! How deeply JSON may be nested.

use streeling_core::{Error, ErrorKind, Limit};

/// Levels at most, which are also those that a decoder takes.
pub(crate) const MOST: usize = 512;

/// Refuses a document of more levels, where fewer than [`MOST`] are allowed: at those, decoders see
/// to it themselves.
pub(crate) fn check(document: &[u8], allowed: usize) -> Result<(), Error> {
    if allowed >= MOST {
        return Ok(());
    }
    let (mut depth, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in document {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                depth += 1;
                if depth > allowed {
                    return Err(too_deep(&format!("more than {allowed} levels of nesting")));
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// The error of what is nested too deeply.
pub(crate) fn too_deep(problem: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::BadData,
        format!("Invalid JSON: {problem} (--max-json-depth, STREELING_MAX_JSON_DEPTH)"),
    )
    .beyond(Limit::JsonDepth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_outside_of_texts() {
        for fine in ["[[1],[2],{}]", r#"{"[[[":"]]\"[[[","a":[1]}"#, "]]]]", "1"] {
            check(fine.as_bytes(), 2).unwrap();
        }
        for deep in ["[[[1]]]", r#"{"a":["\\",[]]}"#, r#"[[],[[1"#] {
            let error = check(deep.as_bytes(), 2).unwrap_err();
            assert_eq!(error.limit, Some(Limit::JsonDepth));
            assert!(error.info.contains("more than 2 levels"), "{error}");
            assert!(error.info.contains("--max-json-depth"), "{error}");
            check(deep.as_bytes(), 3).unwrap();
        }
    }
}
