//! Rust as a row of tokens: as much of the language as the checks need.

use std::iter::Peekable;
use std::str::CharIndices;

/// A piece of code, with its line. Comments are no tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) line: usize,
    pub(super) kind: Kind<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// An identifier or a keyword, without the `r#` of a raw one.
    Word(&'a str),
    /// `::`
    Path,
    /// Any other character of punctuation.
    Mark(char),
    /// A string, a character, a number or a lifetime, whose text does not matter.
    Other,
}

/// Reads a file's text. What is not Rust gives odd tokens rather than an error: the compiler
/// complains.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut reader = Reader {
        text,
        chars: text.char_indices().peekable(),
        line: 1,
    };
    let mut tokens = Vec::new();
    while let Some((start, c)) = reader.next() {
        let line = reader.line;
        if let Some(kind) = reader.token(start, c) {
            tokens.push(Token { line, kind });
        }
    }
    tokens
}

struct Reader<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
    /// Of the character that was read last.
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.chars.next();
        if let Some((at, _)) = next
            && self.text[..at].ends_with('\n')
        {
            self.line += 1;
        }
        next
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, c)| *c)
    }

    /// What is still to be read.
    fn rest(&mut self) -> &'a str {
        match self.chars.peek() {
            Some((at, _)) => &self.text[*at..],
            None => "",
        }
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.next();
        }
    }

    fn skip_while(&mut self, is: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&is) {
            self.next();
        }
    }

    fn token(&mut self, start: usize, c: char) -> Option<Kind<'a>> {
        match c {
            _ if c.is_whitespace() => None,
            '/' if self.peek() == Some('/') => {
                self.skip_while(|c| c != '\n');
                None
            }
            '/' if self.peek() == Some('*') => {
                self.next();
                self.block_comment();
                None
            }
            '"' => Some(self.string()),
            '\'' => Some(self.quote()),
            ':' if self.peek() == Some(':') => {
                self.next();
                Some(Kind::Path)
            }
            _ if c.is_ascii_digit() => {
                self.skip_while(|c| c.is_alphanumeric() || c == '_');
                Some(Kind::Other)
            }
            _ if is_start(c) => Some(self.word(start)),
            _ => Some(Kind::Mark(c)),
        }
    }

    /// Block comments may hold others.
    fn block_comment(&mut self) {
        let mut depth = 1;
        while depth > 0 {
            match (self.next(), self.peek()) {
                (Some((_, '/')), Some('*')) => {
                    self.next();
                    depth += 1;
                }
                (Some((_, '*')), Some('/')) => {
                    self.next();
                    depth -= 1;
                }
                (Some(_), _) => {}
                (None, _) => return,
            }
        }
    }

    fn string(&mut self) -> Kind<'a> {
        while let Some((_, c)) = self.next() {
            match c {
                '\\' => self.skip(1),
                '"' => break,
                _ => {}
            }
        }
        Kind::Other
    }

    /// A character or a lifetime.
    fn quote(&mut self) -> Kind<'a> {
        let mut ahead = self.rest().chars();
        match (ahead.next(), ahead.next()) {
            (Some('\\'), _) => {
                self.skip(2);
                self.skip_while(|c| c != '\'');
                self.skip(1);
            }
            (Some(_), Some('\'')) => self.skip(2),
            _ => self.skip_while(is_part),
        }
        Kind::Other
    }

    /// A word, or the string or character that it is the prefix of.
    fn word(&mut self, start: usize) -> Kind<'a> {
        self.skip_while(is_part);
        let end = self.text.len() - self.rest().len();
        let word = &self.text[start..end];
        match (word, self.peek()) {
            ("b" | "c", Some('"')) => {
                self.next();
                self.string()
            }
            ("b", Some('\'')) => {
                self.next();
                self.quote()
            }
            ("r" | "br" | "cr", Some('"' | '#')) => self.raw(word),
            _ => Kind::Word(word),
        }
    }

    /// A raw string or a raw identifier, after its prefix.
    fn raw(&mut self, prefix: &'a str) -> Kind<'a> {
        let rest = self.rest();
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        if rest[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            self.skip(hashes + 1);
            let body = self.rest();
            let length = body.find(&end).map_or(body.len(), |at| at + end.len());
            self.skip(body[..length].chars().count());
            return Kind::Other;
        }
        if prefix == "r" && rest[1..].starts_with(is_start) {
            self.next();
            let name = self.rest();
            let length = name.find(|c| !is_part(c)).unwrap_or(name.len());
            self.skip_while(is_part);
            return Kind::Word(&name[..length]);
        }
        Kind::Word(prefix)
    }
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text)
            .into_iter()
            .filter_map(|token| match token.kind {
                Kind::Word(word) => Some(word),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn strings_of_every_form_are_skipped() {
        for text in [
            r#"a("b \" c \\", d)"#,
            r#"a(b"b \" c", d)"#,
            r#"a(c"b", d)"#,
            r##"a(r"b \", d)"##,
            r###"a(r#"b " c"#, d)"###,
            r####"a(br##"b "# c"##, d)"####,
            "a(\"b\n\\\n c\", d)",
        ] {
            assert_eq!(words(text), ["a", "d"], "{text}");
        }
    }

    #[test]
    fn characters_are_not_lifetimes() {
        assert_eq!(
            words(r"a('b', '\'', '\\', '\u{62}', '\x62', b'b', b'\'', '\n') c"),
            ["a", "c"]
        );
        assert_eq!(
            words("fn a<'b>(c: &'b str, d: &'static str)"),
            ["fn", "a", "c", "str", "d", "str"]
        );
        assert_eq!(words("'b: loop { break 'b; } d"), ["loop", "break", "d"]);
        assert_eq!(words("('\"', a, '\"')"), ["a"]);
    }

    #[test]
    fn comments_are_skipped_with_those_inside_them() {
        assert_eq!(
            words("a // b \" c\nd /* e /* f */ g */ h /// i\n//! j"),
            ["a", "d", "h"]
        );
        assert_eq!(words("a / b // c"), ["a", "b"]);
        assert_eq!(words("a /* never ends"), ["a"]);
    }

    #[test]
    fn raw_identifiers_are_words_and_numbers_are_not() {
        assert_eq!(
            words("r#type r br 1u32 0xface_u64 1.5e3 1.max(a) é_1"),
            ["type", "r", "br", "max", "a", "é_1"]
        );
    }

    #[test]
    fn lines_and_paths_are_known() {
        let tokens = tokens("a::b:\n\"\n\"\nc");
        let marks: Vec<_> = tokens
            .iter()
            .map(|token| (token.line, token.kind))
            .collect();
        assert_eq!(
            marks,
            [
                (1, Kind::Word("a")),
                (1, Kind::Path),
                (1, Kind::Word("b")),
                (1, Kind::Mark(':')),
                (2, Kind::Other),
                (4, Kind::Word("c")),
            ]
        );
    }
}
