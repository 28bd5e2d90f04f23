//! The suite over one transport: runs groups and compares what comes back.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::differences::{Difference, Differences};
use super::error::GoldenError;
use super::exchange::{Group, load_groups};
use super::launch::{Launch, StartError};
use super::recording::Golden;
use super::send::Target;
use super::snapshot::Snapshot;
use super::stubs::Stubs;
use super::transport::Transport;

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
    /// Reads the suite of the repository at `root` for `transport`.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, an exchange without a recorded response, a difference that
    /// covers no exchange or one that another covers already, or a start that does not differ.
    pub fn load(root: &Path, transport: Transport) -> Result<Self, GoldenError> {
        let folder = root.join("tests/conformance");
        let groups = load_groups(&folder, transport)?;
        let golden = Golden::load(&folder.join(transport.golden()))?;
        let differences = Differences::load(root)?.over(transport);
        let all: Vec<_> = groups.iter().flat_map(Group::ids).collect();
        golden.covers(&all)?;
        differences.cover(&all)?;
        let starts: Vec<_> = groups.iter().map(|group| group.id.as_str()).collect();
        differences.starts_differ(&starts, &golden)?;
        Ok(Self {
            transport,
            groups,
            golden,
            differences,
            components: folder.join("components"),
        })
    }

    /// The starts of the server that the suite needs.
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
        let listed = self.differences.of(&group.id).and_then(Difference::start);
        match listed {
            Some(serves) => !serves,
            None => self.golden.fails_to_start(&group.id),
        }
    }

    /// The versions of what the responses were recorded from.
    #[must_use]
    pub fn recorded(&self) -> &BTreeMap<String, String> {
        &self.golden.recorded
    }

    /// Takes the allowed differences away: the server is to respond as seldon-core does.
    #[must_use]
    pub fn without_differences(mut self) -> Self {
        self.differences = Differences::default();
        self
    }

    /// Starts a server for `group`, sends its exchanges (over gRPC with `stubs`), stops it, and
    /// returns one line for each mismatch. A start that must fail and succeeds is a mismatch too.
    #[must_use]
    pub fn run(&self, launch: &Launch, group: &Group, stubs: &Stubs) -> Vec<String> {
        let must_fail = self.must_fail_to_start(group);
        match launch.start(group, &self.components) {
            Ok(running) if must_fail => {
                drop(running);
                vec![format!("{}: started, want a start that fails", group.id)]
            }
            Ok(running) => self.check(group, Target::of(self.transport, &running, stubs)),
            Err(StartError::Exited { .. }) if must_fail => Vec::new(),
            Err(error) => vec![format!("{}: {error}", group.id)],
        }
    }

    /// Sends the exchanges of `group` to a server that runs already and returns one line for each
    /// mismatch.
    #[must_use]
    pub fn check(&self, group: &Group, target: Target<'_>) -> Vec<String> {
        let mut found = Vec::new();
        for (id, response) in group.send(target) {
            match response {
                Ok(got) => found.extend(
                    self.compare(&id, &got)
                        .into_iter()
                        .map(|mismatch| format!("{id}: {mismatch}")),
                ),
                Err(error) => found.push(format!("{id}: no response: {error}")),
            }
        }
        found
    }

    fn compare(&self, id: &str, got: &Snapshot) -> Vec<String> {
        let recorded = self.golden.response(id);
        let Some(difference) = self.differences.of(id) else {
            return match recorded {
                Some(recorded) => recorded.mismatches(got),
                None => vec!["there is a response, but seldon-core does not start here".to_owned()],
            };
        };
        let model = match difference.model_of(id) {
            Some(model) => match self.golden.response(&model) {
                Some(response) => Some(response),
                None => {
                    return vec![format!(
                        "no recorded response of {model}, which this one should equal"
                    )];
                }
            },
            None => recorded,
        };
        let mut found = difference.expected(model).mismatches(got);
        if recorded.is_some_and(|recorded| recorded.mismatches(got).is_empty()) {
            found.push(format!(
                "the difference \"{}\" does not occur",
                difference.name()
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const LISTED: &str = r#"
        intro = ""
        [[audience]]
        who = "call it"
        what = "a status"
        see = ["Errors"]
        [[heading]]
        title = "Errors"
        prose = ""
        [[heading.difference]]
        when = "a bad body"
        seldon-core = "500"
        reason = "a mistake"
        [[heading.difference.case]]
        exchanges = ["A/plain/listed"]
        status = 400
    "#;

    fn response(status: u16) -> Snapshot {
        Snapshot {
            status,
            ..Snapshot::default()
        }
    }

    /// A suite for which seldon-core responded with 500 to `A/plain/listed` and `A/plain/other`.
    fn suite() -> Suite {
        let mut golden = Golden::default();
        golden.insert("A/plain/listed", response(500));
        golden.insert("A/plain/other", response(500));
        Suite {
            transport: Transport::Rest,
            groups: Vec::new(),
            golden,
            differences: Differences::parse(LISTED).unwrap(),
            components: PathBuf::new(),
        }
    }

    #[test]
    fn a_response_that_differs_must_be_listed() {
        let suite = suite();
        assert_eq!(suite.compare("A/plain/listed", &response(400)), [""; 0]);
        assert_eq!(suite.compare("A/plain/other", &response(500)), [""; 0]);
        let mismatch = ["status: want 500, got 400"];
        assert_eq!(suite.compare("A/plain/other", &response(400)), mismatch);
        let suite = suite.without_differences();
        assert_eq!(suite.compare("A/plain/listed", &response(400)), mismatch);
    }

    #[test]
    fn a_listed_difference_must_occur() {
        let found = suite().compare("A/plain/listed", &response(500));
        let expected = [
            "status: want 400, got 500",
            "the difference \"Errors: a bad body\" does not occur",
        ];
        assert_eq!(found, expected);
        let same = LISTED.replace("status = 400", "status = 500");
        let suite = Suite {
            differences: Differences::parse(&same).unwrap(),
            ..suite()
        };
        let found = suite.compare("A/plain/listed", &response(500));
        assert_eq!(found, expected[1..]);
    }

    #[test]
    fn the_committed_suite_is_whole() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for (transport, enough) in [(Transport::Rest, (160, 14)), (Transport::Grpc, (100, 14))] {
            let suite = Suite::load(&root, transport).unwrap();
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
}
