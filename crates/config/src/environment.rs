use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// A snapshot of environment variables.
///
/// Settings are read from this map and never from the process, so that tests can run side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

impl Environment {
    /// The environment of this process, as it is now.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the process's environment is read"
    )]
    pub fn from_process() -> Self {
        // `vars_os`, because `vars` panics on a value that is not Unicode.
        std::env::vars_os().collect()
    }

    /// A made-up environment.
    #[expect(
        clippy::should_implement_trait,
        reason = "the trait is implemented too"
    )]
    pub fn from_iter<N, V>(variables: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<OsString>,
        V: Into<OsString>,
    {
        variables.into_iter().collect()
    }

    /// The value of a variable; an empty one counts as unset.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.raw(name).filter(|value| !value.is_empty())
    }

    /// The value of a variable, also an empty one: other libraries may not take that as unset.
    pub fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
    }
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self {
            variables: variables
                .into_iter()
                .map(|(n, v)| (n.into(), v.into()))
                .collect(),
        }
    }
}
