//! Words that are not to come back as names: the field has its own for what they meant here.

use std::collections::BTreeSet;

use super::python;
use super::rust::{Kind, tokens};
use super::source::Source;

/// Forms of a word that no identifier may have as a part, and what to say instead.
const WORDS: &[(&[&str], &str)] = &[
    (
        &["answer", "answers", "answered", "answering"],
        "response, reply of the component, or finished",
    ),
    (
        &["ask", "asks", "asked", "asking"],
        "request, call or requested",
    ),
    (&["told"], "notified, given or observability"),
    (&["seat", "seats"], "worker slot"),
    (&["keeper", "keepers"], "supervisor or guard"),
    (&["lane", "lanes"], "connection"),
    (&["ticket", "tickets"], "responder or permit"),
    (&["spent"], "recycle requested, used or exhausted"),
    (&["remedy", "remedies"], "health action"),
    (&["farewell"], "last message or goaway"),
    (&["upkeep"], "reconciler or maintenance"),
    (
        &["obedient", "obey", "obeys", "obeyed"],
        "scripted, follows or applies",
    ),
    (&["patience"], "timeout"),
    (
        &["stall", "stalls", "stalled"],
        "idle, blocked or timed out",
    ),
    (&["begun"], "started"),
    (&["watched"], "guard or observed"),
    (&["figure", "figures"], "sample, metric or value"),
    (&["incumbent", "incumbents"], "seldon_core or reference"),
    (&["whoever"], "the one who acts"),
    (&["spelling", "spellings"], "format or notation"),
];

pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_generated()) {
        let names = if source.is_rust() {
            names_of_rust(&source.text)
        } else if source.is_python() {
            python::words(&source.text)
        } else {
            continue;
        };
        // Once for each line is enough.
        let names: BTreeSet<_> = names.into_iter().collect();
        for (line, name) in names {
            if let Some((word, instead)) = refused(name) {
                let path = &source.path;
                faults.push(format!(
                    "{path}:{line}: `{name}` has \"{word}\" in it: say {instead}"
                ));
            }
        }
    }
    faults
}

fn names_of_rust(text: &str) -> Vec<(usize, &str)> {
    tokens(text)
        .into_iter()
        .filter_map(|token| match token.kind {
            Kind::Word(word) => Some((token.line, word)),
            _ => None,
        })
        .collect()
}

/// The first part of a name that is not to be there, and what to say instead.
fn refused(name: &str) -> Option<(String, &'static str)> {
    humps(name).into_iter().find_map(|hump| {
        let (_, instead) = WORDS
            .iter()
            .find(|(forms, _)| forms.contains(&hump.as_str()))?;
        Some((hump, *instead))
    })
}

/// The parts of `snake_case`, `CamelCase` and `HTTPPort2`, in lower case.
fn humps(name: &str) -> Vec<String> {
    let mut humps = vec![String::new()];
    let chars: Vec<char> = name.chars().collect();
    for (at, &c) in chars.iter().enumerate() {
        if !c.is_alphabetic() {
            humps.push(String::new());
            continue;
        }
        let after_lower = at > 0 && chars[at - 1].is_lowercase();
        let before_lower = chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && (after_lower || before_lower) {
            humps.push(String::new());
        }
        if let Some(last) = humps.last_mut() {
            last.extend(c.to_lowercase());
        }
    }
    humps.retain(|hump| !hump.is_empty());
    humps
}

#[cfg(test)]
mod tests {
    use super::super::source::source;
    use super::*;

    #[test]
    fn names_are_split_at_underscores_humps_and_digits() {
        for (name, parts) in [
            ("last_answer", &["last", "answer"][..]),
            ("LastAnswer", &["last", "answer"]),
            ("HTTPAnswer2xx", &["http", "answer", "xx"]),
            ("LAST_ANSWER", &["last", "answer"]),
            ("_a", &["a"]),
            ("configure", &["configure"]),
        ] {
            assert_eq!(humps(name), parts, "{name}");
        }
    }

    #[test]
    fn a_word_is_found_in_names_and_nowhere_else() {
        let rust =
            "// answer\nfn plane(s: &str) -> TheAnswer {\n    s.find(\"answer\") /* seat */\n}\n";
        assert_eq!(
            check(&[source("a.rs", rust)]),
            [
                "a.rs:2: `TheAnswer` has \"answer\" in it: say response, reply of the component, \
                 or finished"
            ]
        );
        let python = "# answer\nx = 'answer'\nanswer_of = figure = 1\n";
        let found = check(&[source("a.py", python), source("a.md", "answer")]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("a.py:3: `answer_of` has \"answer\" in it: "));
    }

    #[test]
    fn no_word_is_in_the_table_twice() {
        let all: Vec<_> = WORDS.iter().flat_map(|(forms, _)| *forms).collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), distinct.len());
    }
}
