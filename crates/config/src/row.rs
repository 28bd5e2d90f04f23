use crate::key::Key;
use crate::value::Kind;

use DefaultValue::{Derived, Text};
use Flag::{Bare, Positional, Value};

/// Headings of `--help` and of the reference page, in their order there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Component,
    Rest,
    Workers,
    Grpc,
    Metrics,
    Logging,
    Tracing,
    Identity,
}

impl Group {
    pub(crate) const ALL: [Self; 8] = [
        Self::Component,
        Self::Rest,
        Self::Workers,
        Self::Grpc,
        Self::Metrics,
        Self::Logging,
        Self::Tracing,
        Self::Identity,
    ];

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Component => "Component",
            Self::Rest => "REST and limits",
            Self::Workers => "Workers",
            Self::Grpc => "gRPC",
            Self::Metrics => "Metrics",
            Self::Logging => "Logging",
            Self::Tracing => "Tracing",
            Self::Identity => "Identity and metadata",
        }
    }
}

/// What a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// There is a variable only.
    None,
    /// The one argument without a flag.
    Positional,
    /// A flag that needs a value.
    Value(&'static str),
    /// A flag that without a value means this one.
    Bare(&'static str, &'static str),
}

/// What counts when nothing is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefaultValue {
    /// Nothing.
    None,
    /// This text, as if it had been typed.
    Text(&'static str),
    /// It depends on other settings, in these words.
    Derived(&'static str),
}

/// Whether a setting has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It has.
    Active,
    /// Documented, but without effect. It gives no warning, because the operator always sets it.
    Ignored,
    /// Accepted with a warning, and without effect.
    Deprecated,
}

/// One setting: the source of its flag, its reading, its `--help`, its line on the reference page.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) flag: Flag,
    /// In the order of their precedence.
    pub(crate) variables: &'static [&'static str],
    pub(crate) default: DefaultValue,
    pub(crate) kind: Kind,
    pub(crate) group: Group,
    pub(crate) status: Status,
    /// One clause, for `-h` too.
    pub(crate) meaning: &'static str,
    /// What else there is to know, for `--help` and the reference page. May be empty.
    pub(crate) detail: &'static str,
}

impl Row {
    /// The flag as a user types it, or the name of the positional argument.
    pub(crate) fn flag_name(&self) -> Option<String> {
        match self.flag {
            Flag::None => None,
            Positional => Some(POSITIONAL.to_owned()),
            Value(name) | Bare(name, _) => Some(format!("--{name}")),
        }
    }

    /// The default as a user reads it.
    pub(crate) fn default_text(&self) -> &'static str {
        match self.default {
            DefaultValue::None => "none",
            Text(text) | Derived(text) => text,
        }
    }
}

pub(crate) const POSITIONAL: &str = "interface_name";

/// The flag's part of a row: `(flag, variables, default, kind)`.
type Form = (Flag, &'static [&'static str], DefaultValue, Kind);

/// Makes a row in fewer lines than a struct literal takes.
pub(crate) const fn row(
    key: Key,
    (flag, variables, default, kind): Form,
    group: Group,
    status: Status,
    meaning: &'static str,
    detail: &'static str,
) -> Row {
    Row {
        key,
        flag,
        variables,
        default,
        kind,
        group,
        status,
        meaning,
        detail,
    }
}
