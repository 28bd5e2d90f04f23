//! The golden suite: exchanges, recorded answers, allowed differences, comparison.

mod answer;
mod ask;
mod differences;
mod exchange;
mod json;
mod launch;
mod stubs;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

pub use answer::{Answer, Golden};
pub use ask::{Target, Transport};
pub use differences::{Difference, Differences};
pub use exchange::{Ask, Exchange, Group, Keep, load_groups};
pub use json::{Json, Rules};
pub use launch::{Launch, Running, StartError};
pub use stubs::{Call, CallAnswer, Stubs};

/// What stands in the way of running the suite at all.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A file or a folder cannot be read or written.
    #[error("cannot access {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file does not have the form that this crate reads.
    #[error("{}: {what}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        what: String,
    },
    /// Two exchanges share an id.
    #[error("exchange \"{id}\" occurs twice")]
    Twice {
        /// The id.
        id: String,
    },
    /// An exchange without a recorded answer.
    #[error("no recorded answer for \"{id}\", run `cargo xtask conformance record`")]
    Unrecorded {
        /// The exchange's or the group's id.
        id: String,
    },
    /// A pattern of a difference that names nothing.
    #[error("difference \"{difference}\": the pattern \"{pattern}\" matches no exchange")]
    Idle {
        /// The difference's heading.
        difference: String,
        /// The pattern.
        pattern: String,
    },
    /// Two differences want the same exchange.
    #[error("exchange \"{id}\" is covered by the differences \"{first}\" and \"{second}\"")]
    Covered {
        /// The exchange.
        id: String,
        /// A difference's heading.
        first: String,
        /// Another difference's heading.
        second: String,
    },
}

/// Everything that the comparison over one transport needs, read from the repository.
#[derive(Debug)]
pub struct Suite {
    transport: Transport,
    groups: Vec<Group>,
    golden: Golden,
    differences: Differences,
    components: PathBuf,
}

impl Suite {
    /// Reads the suite of the repository at `root` for `transport`, with the exchanges that wait for no
    /// stage or for one of `stages`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, an exchange without a recorded answer, a difference that covers
    /// no exchange or one that another covers already.
    pub fn load(root: &Path, transport: Transport, stages: &[&str]) -> Result<Self, GoldenError> {
        let folder = root.join("tests/conformance");
        let mut groups = load_groups(&folder, transport)?;
        let golden = Golden::load(&folder.join(transport.golden()))?;
        let differences = Differences::load(&root.join("docs/differences.md"))?.over(transport);
        let all: Vec<_> = groups.iter().flat_map(Group::ids).collect();
        golden.covers(&all)?;
        differences.cover(&all)?;
        for group in &mut groups {
            group.exchanges.retain(|exchange| {
                exchange
                    .stage
                    .as_deref()
                    .is_none_or(|stage| stages.contains(&stage))
            });
        }
        groups.retain(|group| !group.exchanges.is_empty());
        Ok(Self {
            transport,
            groups,
            golden,
            differences,
            components: folder.join("components"),
        })
    }

    /// The starts of the server that the suite asks for.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// The folder that holds the components.
    #[must_use]
    pub fn components(&self) -> &Path {
        &self.components
    }

    /// Whether a server must not come to serve `group`.
    #[must_use]
    pub fn must_fail_to_start(&self, group: &Group) -> bool {
        match self.differences.of(&group.id) {
            Some(difference) => difference.fails_to_start(),
            None => self.golden.fails_to_start(&group.id),
        }
    }

    /// The versions of what the answers were recorded from.
    #[must_use]
    pub fn recorded(&self) -> &BTreeMap<String, String> {
        &self.golden.recorded
    }

    /// Takes the allowed differences away: the server is to answer as the incumbent does.
    #[must_use]
    pub fn without_differences(mut self) -> Self {
        self.differences = Differences::default();
        self
    }

    /// Starts a server for `group`, sends its exchanges (over gRPC with `stubs`), stops it, and returns
    /// one line for each mismatch. A start that must fail and one that must succeed are told apart.
    #[must_use]
    pub fn run(&self, launch: &Launch, group: &Group, stubs: &Stubs) -> Vec<String> {
        let must_fail = self.must_fail_to_start(group);
        match launch.start(group, &self.components) {
            Ok(running) if must_fail => {
                drop(running);
                vec![format!("{}: started, want a start that fails", group.id)]
            }
            Ok(running) => self.check(group, self.transport.target(&running, stubs)),
            Err(StartError::Exited { .. }) if must_fail => Vec::new(),
            Err(error) => vec![format!("{}: {error}", group.id)],
        }
    }

    /// Sends the exchanges of `group` to a server that runs already and returns one line for each
    /// mismatch.
    #[must_use]
    pub fn check(&self, group: &Group, target: Target<'_>) -> Vec<String> {
        let mut found = Vec::new();
        for (id, answer) in group.ask(target) {
            match answer {
                Ok(got) => found.extend(
                    self.compare(&id, &got)
                        .into_iter()
                        .map(|mismatch| format!("{id}: {mismatch}")),
                ),
                Err(error) => found.push(format!("{id}: no answer: {error}")),
            }
        }
        found
    }

    fn compare(&self, id: &str, got: &Answer) -> Vec<String> {
        let recorded = self.golden.answer(id);
        let Some(difference) = self.differences.of(id) else {
            return match recorded {
                Some(recorded) => recorded.mismatches(got),
                None => vec!["answered, but the incumbent does not start here".to_owned()],
            };
        };
        let model = match difference.model(id) {
            Some(model) => match self.golden.answer(&model) {
                Some(answer) => Some(answer),
                None => return vec![format!("to answer as to {model}, which is not recorded")],
            },
            None => recorded,
        };
        let mut found = difference.expected(model).mismatches(got);
        if recorded.is_some_and(|recorded| recorded.mismatches(got).is_empty()) {
            found.push(format!(
                "the difference \"{}\" does not occur",
                difference.heading()
            ));
        }
        found
    }
}

impl Group {
    /// The group's own id and those of its exchanges.
    fn ids(&self) -> impl Iterator<Item = (&str, &str)> {
        let id = self.id.as_str();
        self.exchanges
            .iter()
            .map(move |exchange| (id, exchange.id.as_str()))
    }
}

/// Whether `text` matches `pattern`, in which `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The distinct group ids and exchange ids of the pairs that [`Group::ids`] gives.
fn every_id<'a>(ids: &[(&'a str, &'a str)]) -> BTreeSet<&'a str> {
    ids.iter()
        .flat_map(|(group, exchange)| [*group, *exchange])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_suite_is_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (transport, enough) in [(Transport::Rest, (160, 14)), (Transport::Grpc, (100, 14))] {
            let suite = Suite::load(&root, transport, &["tftensor"]).unwrap();
            let exchanges: usize = suite
                .groups()
                .iter()
                .map(|group| group.exchanges.len())
                .sum();
            let components: BTreeSet<_> = suite
                .groups()
                .iter()
                .map(|group| &group.component)
                .collect();
            assert!(exchanges >= enough.0, "{transport:?}: {exchanges}");
            assert!(
                components.len() >= enough.1,
                "{transport:?}: {components:?}"
            );
        }
    }

    #[test]
    fn stars_stand_for_any_run() {
        for (pattern, text) in [
            ("a", "a"),
            ("*", ""),
            ("a*", "a"),
            ("*b", "aab"),
            ("a*c*e", "abcde"),
            ("a*a", "aba"),
        ] {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*a", "a"), ("*b", "ba"), ("a*c*e", "aec")] {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }
}
