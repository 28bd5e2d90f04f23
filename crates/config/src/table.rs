use std::fmt;

pub(crate) use crate::rows::TABLE;
use crate::value::Kind;

use Flag::{Bare, Positional, Value};
use Preset::{From, Text};

/// One setting. [`fmt::Display`] writes the names that a user knows it by, such as
/// `--http-port (PREDICTIVE_UNIT_HTTP_SERVICE_PORT)`, for messages about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "each is named as its flag or variable, and the table says what it means"
)]
pub enum Key {
    InterfaceName,
    ServiceType,
    Parameters,
    Python,
    AppDir,
    Persistence,
    Check,
    Host,
    HttpPort,
    Keepalive,
    MaxBodySize,
    TimeoutMs,
    LegacyPort,
    Workers,
    Threads,
    SingleThreaded,
    WorkerPool,
    MaxQueue,
    MaxRequests,
    MaxRequestsJitter,
    GracefulTimeout,
    BindDeadline,
    Pidfile,
    GrpcPort,
    GrpcWorkers,
    GrpcThreads,
    MetricsPort,
    MetricsEndpoint,
    IncludeMetrics,
    LogLevel,
    LogFormat,
    Debug,
    AccessLog,
    FilterMetricsAccessLogs,
    Tracing,
    JaegerAgentHost,
    JaegerAgentPort,
    JaegerConfigPath,
    JaegerExtraTags,
    JaegerPropagation,
    PayloadPassthrough,
    UnitId,
    UnitImage,
    PredictorId,
    PredictorLabels,
    DeploymentId,
    ExecutorEnabled,
    ModelMetadata,
}

impl Key {
    pub(crate) fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.row();
        match (row.shown_flag(), row.variables) {
            (Some(flag), []) => f.write_str(&flag),
            (Some(flag), variables) => write!(f, "{flag} ({})", variables.join(", ")),
            (None, variables) => f.write_str(&variables.join(", ")),
        }
    }
}

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
pub(crate) enum Preset {
    /// Nothing.
    None,
    /// This text, as if it had been typed.
    Text(&'static str),
    /// It depends on other settings, in these words.
    From(&'static str),
}

/// Whether a setting steers anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acts {
    /// It does.
    Now,
    /// Known so that nobody takes it for a misspelling; of no effect, and no warning, because the
    /// operator always sets it.
    Ignored,
    /// Accepted with a warning, and of no effect ever.
    Deprecated,
}

/// One setting: the source of its flag, its reading, its `--help`, its line on the reference page.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) key: Key,
    pub(crate) flag: Flag,
    /// In the order of their precedence.
    pub(crate) variables: &'static [&'static str],
    pub(crate) default: Preset,
    pub(crate) kind: Kind,
    pub(crate) group: Group,
    pub(crate) acts: Acts,
    /// One clause, for `-h` too.
    pub(crate) meaning: &'static str,
    /// What else there is to know, for `--help` and the reference page. May be empty.
    pub(crate) detail: &'static str,
}

impl Row {
    /// The flag as a user types it, or the name of the positional argument.
    pub(crate) fn shown_flag(&self) -> Option<String> {
        match self.flag {
            Flag::None => None,
            Positional => Some(POSITIONAL.to_owned()),
            Value(name) | Bare(name, _) => Some(format!("--{name}")),
        }
    }

    /// The default as a user reads it.
    pub(crate) fn shown_default(&self) -> &'static str {
        match self.default {
            Preset::None => "none",
            Text(text) | From(text) => text,
        }
    }
}

pub(crate) const POSITIONAL: &str = "interface_name";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_their_keys() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.key as usize, index, "{:?}", row.key);
            assert_eq!(row.key.row().key, row.key);
        }
        assert_eq!(TABLE.len(), Key::ModelMetadata as usize + 1);
    }

    #[test]
    fn no_flag_or_variable_comes_twice_and_every_setting_has_one() {
        let mut seen = std::collections::BTreeSet::new();
        for row in TABLE {
            let names: Vec<String> = row
                .shown_flag()
                .into_iter()
                .chain(row.variables.iter().map(|v| (*v).to_owned()))
                .collect();
            assert!(!names.is_empty(), "{:?}", row.key);
            for name in names {
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }

    #[test]
    fn a_key_is_shown_by_its_flag_and_variables() {
        assert_eq!(
            Key::HttpPort.to_string(),
            "--http-port (PREDICTIVE_UNIT_HTTP_SERVICE_PORT)"
        );
        assert_eq!(
            Key::LogLevel.to_string(),
            "--log-level (LOG_LEVEL_ENV, SELDON_LOG_LEVEL)"
        );
        assert_eq!(Key::ServiceType.to_string(), "--service-type");
        assert_eq!(Key::UnitId.to_string(), "PREDICTIVE_UNIT_ID");
        assert_eq!(Key::InterfaceName.to_string(), "interface_name");
    }
}
