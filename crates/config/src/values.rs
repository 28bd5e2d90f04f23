use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use crate::annotations::Annotations;
use crate::args::RawArgs;
use crate::environment::Environment;
use crate::error::{ConfigError, Invalid, Warning, quoted};
use crate::key::Key;
use crate::row::{DefaultValue, Row, Status};
use crate::rows::rows;
use crate::settings::Word;
use crate::value::{Parsed, Value, millis};

/// Where a value was found.
#[derive(Clone, Copy)]
enum Source {
    CommandLine,
    Variable(&'static str),
}

impl Source {
    fn describe(self) -> String {
        match self {
            Self::CommandLine => "the command line".to_owned(),
            Self::Variable(name) => format!("the variable {name}"),
        }
    }
}

/// Every setting's value, before any of them looks at another.
pub(crate) struct Values {
    values: BTreeMap<Key, Value>,
    /// Where those were found that are not defaults.
    sources: BTreeMap<Key, Source>,
    pub(crate) warnings: Vec<Warning>,
}

impl Values {
    pub(crate) fn read(args: &RawArgs, environment: &Environment) -> Result<Self, ConfigError> {
        let mut all = Self {
            values: BTreeMap::new(),
            sources: BTreeMap::new(),
            warnings: Vec::new(),
        };
        for row in rows() {
            let default = default_of(row);
            match find(row, args, environment, &mut all.warnings) {
                Some((raw, source)) => {
                    let value = all.parse(row, raw, source)?;
                    all.warn_if_deprecated(row, source);
                    all.values.insert(row.key, value);
                    all.sources.insert(row.key, source);
                }
                None => all.values.extend(default.map(|value| (row.key, value))),
            }
        }
        Ok(all)
    }

    fn parse(&mut self, row: &Row, raw: &OsStr, source: Source) -> Result<Value, ConfigError> {
        let seen = quoted(&raw.to_string_lossy());
        match row.kind.parse(raw) {
            Parsed::Value(value) => Ok(value),
            Parsed::Replaced(value, meant) => {
                self.warnings.push(Warning(format!(
                    "{}: {seen} from {} is taken as {meant}, allowed is {}",
                    row.key,
                    source.describe(),
                    row.kind.allowed()
                )));
                Ok(value)
            }
            Parsed::Bad(why) => Err(ConfigError::Invalid(Box::new(Invalid {
                names: row.key.to_string(),
                source: source.describe(),
                seen,
                why,
                allowed: row.kind.allowed(),
            }))),
        }
    }

    fn warn_if_deprecated(&mut self, row: &Row, source: Source) {
        if row.status == Status::Deprecated {
            self.warnings.push(Warning(format!(
                "{}, set by {}, is deprecated and does nothing",
                row.key,
                source.describe()
            )));
        }
    }

    /// A transport that is not in this build has no workers; to set their number is an error.
    pub(crate) fn disable_workers(
        &mut self,
        workers: Key,
        part: &'static str,
        feature: &'static str,
    ) -> Result<(), ConfigError> {
        match self.sources.get(&workers) {
            Some(source) if self.count(workers) > 0 => Err(ConfigError::NotBuilt {
                names: workers.to_string(),
                origin: source.describe(),
                part,
                feature,
            }),
            _ => {
                self.values.insert(workers, Value::Count(0));
                Ok(())
            }
        }
    }

    /// The variable only warns: the operator sets it for every component.
    pub(crate) fn disable_metrics(&mut self) -> Result<(), ConfigError> {
        let part = "metrics server";
        match self.sources.get(&Key::MetricsPort) {
            Some(source @ Source::CommandLine) => Err(ConfigError::NotBuilt {
                names: Key::MetricsPort.to_string(),
                origin: source.describe(),
                part,
                feature: "metrics",
            }),
            Some(source) => {
                self.warnings.push(Warning(format!(
                    "{}, set by {}, has no effect: this build has no {part}, which is the Cargo \
                     feature 'metrics'",
                    Key::MetricsPort,
                    source.describe()
                )));
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Where a value was found that is not the default.
    pub(crate) fn origin(&self, key: Key) -> String {
        self.sources
            .get(&key)
            .map_or_else(|| "default".to_owned(), |source| source.describe())
    }

    pub(crate) fn get<T>(&self, key: Key, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        self.values.get(&key).and_then(read)
    }

    /// A value that the table promises: the row is required or has a default, and its kind gives
    /// the type that `read` takes. Were it otherwise, no settings at all would load.
    pub(crate) fn required<T>(&self, key: Key, read: impl Fn(&Value) -> Option<T>) -> T {
        match self.get(key, read) {
            Some(value) => value,
            None => unreachable!("the row of {key} has another type, or no default"),
        }
    }

    pub(crate) fn port(&self, key: Key) -> u16 {
        self.required(key, port_of)
    }

    pub(crate) fn count(&self, key: Key) -> u32 {
        self.required(key, |value| match value {
            Value::Count(count) => Some(*count),
            _ => None,
        })
    }

    pub(crate) fn duration(&self, key: Key) -> Duration {
        self.required(key, duration_of)
    }

    pub(crate) fn bool(&self, key: Key) -> Option<bool> {
        self.get(key, |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    pub(crate) fn is_true(&self, key: Key) -> bool {
        self.bool(key) == Some(true)
    }

    pub(crate) fn word<T: Word>(&self, key: Key) -> T {
        self.required(key, |value| match value {
            Value::Word(word) => T::WORDS
                .iter()
                .find(|(known, _)| known == word)
                .map(|(_, meant)| *meant),
            _ => None,
        })
    }

    /// `None` also for a text that is empty, as an empty flag `--x ""` is.
    pub(crate) fn text(&self, key: Key) -> Option<String> {
        self.get(key, |value| match value {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        })
    }

    pub(crate) fn path(&self, key: Key) -> Option<PathBuf> {
        self.get(key, |value| match value {
            Value::Path(path) => Some(path.clone()),
            _ => None,
        })
    }

    /// Flag and variable hold for both transports and win over the transport's annotation.
    pub(crate) fn timeout(&mut self, annotations: &Annotations, key: &str) -> Option<Duration> {
        let allowed = Key::TimeoutMs.row().kind.allowed();
        self.get(Key::TimeoutMs, duration_of)
            .or_else(|| self.annotation(annotations, key, millis, &allowed))
            .filter(|timeout| !timeout.is_zero())
    }

    /// An annotation is often not the person's who starts the server: a bad one is left out.
    pub(crate) fn annotation<T>(
        &mut self,
        annotations: &Annotations,
        key: &str,
        read: impl Fn(&str) -> Option<T>,
        allowed: &str,
    ) -> Option<T> {
        let text = annotations.get(key)?;
        let value = read(text);
        if value.is_none() {
            self.warnings.push(Warning(format!(
                "annotation {key}: {} is left out, allowed is {allowed}",
                quoted(text)
            )));
        }
        value
    }
}

pub(crate) fn port_of(value: &Value) -> Option<u16> {
    match value {
        Value::Port(port) => Some(*port),
        _ => None,
    }
}

fn duration_of(value: &Value) -> Option<Duration> {
    match value {
        Value::Duration(duration) => Some(*duration),
        _ => None,
    }
}

fn default_of(row: &Row) -> Option<Value> {
    match row.default {
        DefaultValue::None | DefaultValue::Derived(_) => None,
        DefaultValue::Text(text) => match row.kind.parse(OsStr::new(text)) {
            Parsed::Value(value) => Some(value),
            Parsed::Replaced(..) | Parsed::Bad(_) => {
                unreachable!("the default of {} is not allowed", row.key)
            }
        },
    }
}

/// The value that counts, as it was typed: the flag's, else that of the first variable set.
fn find<'a>(
    row: &Row,
    args: &'a RawArgs,
    environment: &'a Environment,
    warnings: &mut Vec<Warning>,
) -> Option<(&'a OsStr, Source)> {
    if let Some(raw) = args.get(row.key) {
        return Some((raw, Source::CommandLine));
    }
    let mut set = row
        .variables
        .iter()
        .filter_map(|name| Some((environment.get(name)?, *name)));
    let (raw, name) = set.next()?;
    for (other, other_name) in set.filter(|(other, _)| *other != raw) {
        warnings.push(Warning(format!(
            "{other_name}={} is left out: {name}={} comes first",
            quoted(&other.to_string_lossy()),
            quoted(&raw.to_string_lossy())
        )));
    }
    Some((raw, Source::Variable(name)))
}
