use std::collections::BTreeMap;

use crate::row::Row;

/// Where a value was found.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    CommandLine,
    Variable(&'static str),
}

impl Source {
    pub(crate) fn describe(self) -> String {
        match self {
            Self::CommandLine => "the command line".to_owned(),
            Self::Variable(name) => format!("the variable {name}"),
        }
    }
}

/// Where the settings were found that are not defaults, by [`Row::id`].
#[derive(Default)]
pub(crate) struct Sources(BTreeMap<&'static str, Source>);

impl Sources {
    /// `None`: the default counts.
    pub(crate) fn get(&self, row: &Row) -> Option<Source> {
        self.0.get(row.id()).copied()
    }

    /// The same in words.
    pub(crate) fn describe(&self, row: &Row) -> String {
        self.get(row)
            .map_or_else(|| "default".to_owned(), Source::describe)
    }

    /// Whether the value is that of the variable that comes before the flag.
    pub(crate) fn is_preceded(&self, row: &Row) -> bool {
        match self.get(row) {
            Some(Source::Variable(name)) => row.preceding_variable() == Some(name),
            Some(Source::CommandLine) | None => false,
        }
    }

    pub(crate) fn insert(&mut self, row: &Row, source: Source) {
        self.0.insert(row.id(), source);
    }
}
