//! The words of a Python file that are neither in a string nor in a comment.

/// Every name and keyword, with its line. A string with fields (`f"..."`) counts as a string.
pub(super) fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' | '\'' => string(rest),
            _ if c.is_alphabetic() || c == '_' => {
                let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let is_prefix = length <= 2
                    && rest[length..].starts_with(['"', '\''])
                    && rest[..length].chars().all(|c| "rRbBfFuU".contains(c));
                if !is_prefix {
                    words.push((line, &rest[..length]));
                }
                length
            }
            // The letters of a number (`0xff`, `1e5`, `2j`) are no word.
            _ if c.is_ascii_digit() => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            _ => c.len_utf8(),
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    words
}

/// The length of the string that `text` starts with. A backslash keeps a quote inside raw strings
/// too.
fn string(text: &str) -> usize {
    let quote = &text[..1];
    let is_long = text.starts_with(&quote.repeat(3));
    let end = if is_long {
        quote.repeat(3)
    } else {
        quote.to_owned()
    };
    let mut at = end.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(&end) {
            return at + end.len();
        }
        if c == '\n' && !is_long {
            return at;
        }
        at += c.len_utf8();
        if c == '\\' {
            at += text[at..].chars().next().map_or(0, char::len_utf8);
        }
    }
    text.len()
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_skipped() {
        for text in [
            "a = \"x # y\"; b",
            "a = 'x \" \\' y'; b",
            "a = '''x 'y'\n'' \\''' z'''; b",
            "a = \"\"\"x \"y\"\n\"\"\"; b",
            "a = rb'x \\' y'; b",
            "a = f\"{x} y\"; b",
            "a = ''; b # x ' y",
            "a = 0xface + 1e5; b",
            "a; b",
        ] {
            let found: Vec<_> = words(text).into_iter().map(|(_, word)| word).collect();
            assert_eq!(found, ["a", "b"], "{text}");
        }
    }

    #[test]
    fn lines_are_counted_through_long_strings() {
        assert_eq!(
            words("a\n'''\n\n'''\nrb_1 = 'x\\\ny'\nb"),
            [(1, "a"), (5, "rb_1"), (7, "b")]
        );
    }
}
