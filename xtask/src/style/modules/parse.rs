//! What a file declares, imports and names.

use std::collections::BTreeSet;

use super::super::rust::{Kind, Token, tokens};

/// A path, as `["crate", "a", "B"]`. That of another crate (`::a`) starts with an empty segment.
pub(super) type Path = Vec<String>;

/// A module: a file, or an inline one within it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Module {
    /// `mod name;`
    pub(super) files: Vec<String>,
    /// `mod name { ... }`
    pub(super) inline: Vec<(String, Self)>,
    pub(super) imports: Vec<Import>,
    /// Names of items.
    pub(super) defined: BTreeSet<String>,
    /// Paths in the code, of one segment or more, with their lines.
    pub(super) named: Vec<(Path, usize)>,
}

/// One name, or all names of a module, that a `use` brings.
#[derive(Debug, PartialEq)]
pub(super) struct Import {
    /// `None` for `*`.
    pub(super) name: Option<String>,
    pub(super) path: Path,
    /// It has a visibility: others may get the name from here.
    pub(super) is_public: bool,
    pub(super) line: usize,
}

const DEFINES: [&str; 9] = [
    "struct",
    "enum",
    "union",
    "trait",
    "fn",
    "const",
    "static",
    "type",
    "macro_rules",
];

/// Reads a file, without what is for tests only.
pub(super) fn parse(text: &str) -> Module {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
    };
    let mut module = Module::default();
    parser.module(&mut module);
    module
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn kind(&self, at: usize) -> Option<Kind<'a>> {
        self.tokens.get(at).map(|token| token.kind)
    }

    fn word(&self, at: usize) -> Option<&'a str> {
        match self.kind(at) {
            Some(Kind::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn is(&self, at: usize, mark: char) -> bool {
        self.kind(at) == Some(Kind::Mark(mark))
    }

    /// Reads up to the end of the file, or to the brace that closes an inline module.
    fn module(&mut self, module: &mut Module) {
        let mut depth = 0;
        while let Some(Token { line, kind }) = self.tokens.get(self.at).copied() {
            match kind {
                Kind::Mark('#') => {
                    self.attribute();
                    continue;
                }
                Kind::Mark('{') => depth += 1,
                Kind::Mark('}') if depth == 0 => return,
                Kind::Mark('}') => depth -= 1,
                Kind::Word("pub") => {
                    self.at = self.after_visibility(self.at);
                    if self.word(self.at) == Some("use") {
                        self.imports(module, true);
                    }
                    continue;
                }
                Kind::Word("use") if !self.is(self.at + 1, '<') => {
                    self.imports(module, false);
                    continue;
                }
                Kind::Word("mod") => {
                    self.submodule(module);
                    continue;
                }
                Kind::Word(word) => {
                    if depth == 0 && DEFINES.contains(&word) {
                        self.definition(module);
                    }
                    if !self.name(module, word, line) {
                        self.at += 1;
                    }
                    continue;
                }
                Kind::Path | Kind::Mark(_) | Kind::Other => {}
            }
            self.at += 1;
        }
    }

    /// Passes an attribute, and what it stands before if that is for tests only.
    fn attribute(&mut self) {
        let is_inner = self.is(self.at + 1, '!');
        let start = self.at + if is_inner { 2 } else { 1 };
        if !self.is(start, '[') {
            self.at += 1;
            return;
        }
        let end = self.after_group(start);
        let words: Vec<_> = (start..end).filter_map(|at| self.word(at)).collect();
        let is_for_tests = match words.as_slice() {
            ["cfg", "test"] => true,
            ["cfg", "all", rest @ ..] => {
                rest.contains(&"test") && !rest.contains(&"any") && !rest.contains(&"not")
            }
            _ => false,
        };
        self.at = match (is_for_tests, is_inner) {
            (false, _) => end,
            (true, true) => self.tokens.len(),
            (true, false) => self.after_item(end),
        };
    }

    /// The place after the bracket that closes the one at `start`.
    fn after_group(&self, start: usize) -> usize {
        let mut depth = 0;
        for at in start..self.tokens.len() {
            match self.kind(at) {
                Some(Kind::Mark('(' | '[' | '{')) => depth += 1,
                Some(Kind::Mark(')' | ']' | '}')) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at + 1;
            }
        }
        self.tokens.len()
    }

    fn after_visibility(&self, at: usize) -> usize {
        if self.word(at) != Some("pub") {
            return at;
        }
        if self.is(at + 1, '(') {
            // `struct A(pub (B, C))` has no visibility there.
            if let Some("crate" | "super" | "self" | "in") = self.word(at + 2) {
                return self.after_group(at + 1);
            }
        }
        at + 1
    }

    /// The place after an item, or after a field, a match's arm or a statement.
    fn after_item(&self, mut at: usize) -> usize {
        while self.is(at, '#') && self.is(at + 1, '[') {
            at = self.after_group(at + 1);
        }
        let start = self.after_visibility(at);
        let word = self.word(start);
        let ends_with_brace = matches!(
            word,
            Some(
                "mod"
                    | "fn"
                    | "struct"
                    | "enum"
                    | "union"
                    | "trait"
                    | "impl"
                    | "unsafe"
                    | "async"
                    | "extern"
                    | "macro_rules"
            )
        ) || word == Some("const") && self.word(start + 1) == Some("fn");
        let ends_with_semicolon = matches!(word, Some("use" | "const" | "static" | "type" | "let"));
        let mut at = start;
        while let Some(kind) = self.kind(at) {
            match kind {
                Kind::Mark('{') if ends_with_brace => return self.after_group(at),
                Kind::Mark('(' | '[' | '{') => at = self.after_group(at),
                Kind::Mark(';') => return at + 1,
                Kind::Mark(',') if !ends_with_brace && !ends_with_semicolon => return at + 1,
                Kind::Mark(')' | ']' | '}') => return at,
                _ => at += 1,
            }
        }
        at
    }

    fn submodule(&mut self, module: &mut Module) {
        let Some(name) = self.word(self.at + 1) else {
            self.at += 1;
            return;
        };
        self.at += 3;
        if self.is(self.at - 1, ';') {
            module.files.push(name.to_owned());
        } else if self.is(self.at - 1, '{') {
            let mut inline = Module::default();
            self.module(&mut inline);
            self.at += 1;
            module.inline.push((name.to_owned(), inline));
        }
    }

    fn definition(&mut self, module: &mut Module) {
        let mut at = self.at + 1;
        while self.is(at, '!') || self.word(at) == Some("mut") {
            at += 1;
        }
        if let Some(name) = self.word(at) {
            module.defined.insert(name.to_owned());
        }
    }

    /// Passes a path that starts here, and notes it; `false` if the word here can be no item's.
    fn name(&mut self, module: &mut Module, first: &str, line: usize) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.kind(at));
        if matches!(
            before,
            Some(Kind::Path | Kind::Mark('.') | Kind::Word("fn"))
        ) {
            return false;
        }
        let mut path = vec![first.to_owned()];
        let mut at = self.at + 1;
        while let (Some(Kind::Path), Some(word)) = (self.kind(at), self.word(at + 1)) {
            path.push(word.to_owned());
            at += 2;
        }
        // A lower-case word alone may be a variable, unless it is called.
        let is_item = path.len() > 1
            || first.starts_with(char::is_uppercase)
            || self.is(at, '(')
            || self.is(at, '!');
        if is_item {
            module.named.push((path, line));
        }
        self.at = at;
        true
    }

    fn imports(&mut self, module: &mut Module, is_public: bool) {
        self.at += 1;
        let mut path = Path::new();
        if self.kind(self.at) == Some(Kind::Path) {
            path.push(String::new());
            self.at += 1;
        }
        self.use_tree(module, path, is_public);
    }

    fn use_tree(&mut self, module: &mut Module, mut path: Path, is_public: bool) {
        while let Some(Token { line, kind }) = self.tokens.get(self.at).copied() {
            self.at += 1;
            let mut import = |name, path| {
                module.imports.push(Import {
                    name,
                    path,
                    is_public,
                    line,
                });
            };
            match kind {
                Kind::Mark('*') => return import(None, path),
                Kind::Mark('{') => {
                    while !self.is(self.at, '}') && self.at < self.tokens.len() {
                        self.use_tree(module, path.clone(), is_public);
                        if self.is(self.at, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                Kind::Word(word) => {
                    if word != "self" || path.is_empty() {
                        path.push(word.to_owned());
                    }
                    if self.kind(self.at) == Some(Kind::Path) {
                        self.at += 1;
                        continue;
                    }
                    let mut name = path.last().cloned();
                    if self.word(self.at) == Some("as") {
                        name = self.word(self.at + 1).map(str::to_owned);
                        self.at += 2;
                    }
                    if name.is_some() {
                        import(name, path);
                    }
                    return;
                }
                _ => return,
            }
        }
    }
}
