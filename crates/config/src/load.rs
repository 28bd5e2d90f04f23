use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::annotations::{self, Annotations};
use crate::args::RawArgs;
use crate::environment::Environment;
use crate::error::{ConfigError, Invalid, Warning, quoted};
use crate::names;
use crate::settings::{
    Grpc, Identity, Loaded, Log, LogLevel, Metrics, Parts, Python, Rest, Settings, Word, Workers,
};
use crate::table::{Acts, Key, Preset, Row, TABLE};
use crate::tracing::{self, Tracing};
use crate::value::{Parsed, Value, millis, size};

pub(crate) fn load(
    parts: Parts,
    args: impl IntoIterator<Item = OsString>,
    environment: &Environment,
    annotations: &Annotations,
) -> Result<Loaded, ConfigError> {
    let mut values = Values::read(&RawArgs::parse(args)?, environment)?;
    values.warnings.extend_from_slice(annotations.warnings());
    if !parts.rest {
        values.without(Key::Workers, "REST server", "rest")?;
    }
    if !parts.grpc {
        values.without(Key::GrpcWorkers, "gRPC server", "grpc")?;
    }
    if !parts.metrics {
        values.without_metrics()?;
    }
    let (tracing, warnings) = tracing::read(parts, &values, environment)?;
    values.warnings.extend(warnings);
    let settings = values.settings(environment, annotations, tracing);
    check_ports(&[
        (Key::HttpPort, settings.rest.port, settings.rest.workers > 0),
        (Key::GrpcPort, settings.grpc.port, settings.grpc.workers > 0),
        (Key::MetricsPort, settings.metrics.port, parts.metrics),
    ])?;
    Ok(Loaded {
        settings,
        warnings: values.warnings,
    })
}

/// Two servers cannot share a port. One that is switched off, or not in this build, needs none.
fn check_ports(ports: &[(Key, u16, bool)]) -> Result<(), ConfigError> {
    let bound: Vec<_> = ports
        .iter()
        .filter(|(_, port, on)| *on && *port != 0)
        .collect();
    for (index, (first, port, _)) in bound.iter().enumerate() {
        if let Some((second, ..)) = bound[index + 1..]
            .iter()
            .find(|(_, other, _)| other == port)
        {
            return Err(ConfigError::SamePort {
                first: first.to_string(),
                second: second.to_string(),
                port: *port,
            });
        }
    }
    Ok(())
}

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
    warnings: Vec<Warning>,
}

impl Values {
    fn read(args: &RawArgs, environment: &Environment) -> Result<Self, ConfigError> {
        let mut all = Self {
            values: BTreeMap::new(),
            sources: BTreeMap::new(),
            warnings: Vec::new(),
        };
        for row in TABLE {
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
            Parsed::Instead(value, meant) => {
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
        if row.acts == Acts::Deprecated {
            self.warnings.push(Warning(format!(
                "{}, set by {}, is deprecated and does nothing",
                row.key,
                source.describe()
            )));
        }
    }

    /// A part that is not in this build has no workers, and is not asked for any.
    fn without(
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

    /// Nobody's start is to fail for a variable that the operator sets for every component.
    fn without_metrics(&mut self) -> Result<(), ConfigError> {
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

    fn settings(
        &mut self,
        environment: &Environment,
        annotations: &Annotations,
        tracing: Option<Tracing>,
    ) -> Settings {
        let single_threaded = self.on(Key::SingleThreaded);
        let threads = if single_threaded {
            1
        } else {
            self.count(Key::Threads)
        };
        let grpc_threads = self.get(Key::GrpcThreads, |value| match value {
            Value::Count(count) if !single_threaded => Some(*count),
            _ => None,
        });
        let debug = self.on(Key::Debug);
        let max_body = self.required(Key::MaxBodySize, |value| match value {
            Value::Size(bytes) => Some(*bytes),
            _ => None,
        });
        Settings {
            interface: self.required(Key::InterfaceName, |value| match value {
                Value::Interface(name) => Some(name.clone()),
                _ => None,
            }),
            service_type: self.word(Key::ServiceType),
            parameters: self.required(Key::Parameters, |value| match value {
                Value::Parameters(parameters) => Some(parameters.clone()),
                _ => None,
            }),
            model_metadata: self.text(Key::ModelMetadata),
            payload_passthrough: self.on(Key::PayloadPassthrough),
            debug,
            check: self.on(Key::Check),
            pidfile: self.path(Key::Pidfile),
            host: self.required(Key::Host, |value| match value {
                Value::Address(address) => Some(*address),
                _ => None,
            }),
            python: Python {
                interpreter: self
                    .path(Key::Python)
                    .unwrap_or_else(|| default_interpreter(environment)),
                app_dir: self.path(Key::AppDir).unwrap_or_else(|| PathBuf::from(".")),
            },
            rest: Rest {
                port: self.port(Key::HttpPort),
                workers: self.count(Key::Workers),
                threads,
                keepalive: self.duration(Key::Keepalive),
                timeout: self.timeout(annotations, annotations::REST_TIMEOUT),
                max_body,
            },
            grpc: Grpc {
                port: self.port(Key::GrpcPort),
                workers: self.count(Key::GrpcWorkers),
                threads: grpc_threads.unwrap_or(threads),
                timeout: self.timeout(annotations, annotations::GRPC_TIMEOUT),
                max_message: self
                    .annotation(
                        annotations,
                        annotations::GRPC_MAX_MESSAGE_SIZE,
                        size,
                        "bytes from 1 to 2147483647",
                    )
                    .unwrap_or(max_body),
            },
            metrics: Metrics {
                port: self.port(Key::MetricsPort),
                endpoint: self.required(Key::MetricsEndpoint, |value| match value {
                    Value::Text(path) => Some(path.clone()),
                    _ => None,
                }),
                in_response: self.on(Key::IncludeMetrics),
            },
            workers: Workers {
                pool: self.word(Key::WorkerPool),
                single_threaded,
                max_requests: self.count(Key::MaxRequests),
                max_requests_jitter: self.count(Key::MaxRequestsJitter),
                max_queue: self.count(Key::MaxQueue),
                graceful_timeout: self.duration(Key::GracefulTimeout),
                bind_deadline: self.duration(Key::BindDeadline),
            },
            log: Log {
                level: if debug {
                    LogLevel::Debug
                } else {
                    self.word(Key::LogLevel)
                },
                format: self.word(Key::LogFormat),
                access: self.on(Key::AccessLog),
                filter_scrapes: self.switch(Key::FilterMetricsAccessLogs).unwrap_or(!debug),
            },
            tracing,
            identity: Identity {
                unit: self.text(Key::UnitId),
                image: self.text(Key::UnitImage),
                predictor: self.text(Key::PredictorId),
                labels: self.required(Key::PredictorLabels, |value| match value {
                    Value::Labels(labels) => Some(labels.clone()),
                    _ => None,
                }),
                deployment: self.text(Key::DeploymentId),
                executor: self.on(Key::ExecutorEnabled),
            },
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
    /// the type asked for. Were it otherwise, no settings at all would load.
    pub(crate) fn required<T>(&self, key: Key, read: impl Fn(&Value) -> Option<T>) -> T {
        match self.get(key, read) {
            Some(value) => value,
            None => unreachable!("the row of {key} has another type, or no default"),
        }
    }

    fn port(&self, key: Key) -> u16 {
        self.required(key, port_of)
    }

    fn count(&self, key: Key) -> u32 {
        self.required(key, |value| match value {
            Value::Count(count) => Some(*count),
            _ => None,
        })
    }

    fn duration(&self, key: Key) -> Duration {
        self.required(key, duration_of)
    }

    fn switch(&self, key: Key) -> Option<bool> {
        self.get(key, |value| match value {
            Value::Switch(on) => Some(*on),
            _ => None,
        })
    }

    pub(crate) fn on(&self, key: Key) -> bool {
        self.switch(key) == Some(true)
    }

    fn word<T: Word>(&self, key: Key) -> T {
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
    fn timeout(&mut self, annotations: &Annotations, key: &str) -> Option<Duration> {
        let allowed = Key::TimeoutMs.row().kind.allowed();
        self.get(Key::TimeoutMs, duration_of)
            .or_else(|| self.annotation(annotations, key, millis, &allowed))
            .filter(|timeout| !timeout.is_zero())
    }

    /// An annotation is often not the person's who starts the server: a bad one is left out.
    fn annotation<T>(
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
        Preset::None | Preset::From(_) => None,
        Preset::Text(text) => match row.kind.parse(OsStr::new(text)) {
            Parsed::Value(value) => Some(value),
            Parsed::Instead(..) | Parsed::Bad(_) => {
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

fn default_interpreter(environment: &Environment) -> PathBuf {
    environment.get(names::VIRTUAL_ENV).map_or_else(
        || PathBuf::from("python3"),
        |root| Path::new(root).join("bin/python"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_that_are_bound_must_differ() {
        let same = |ports: &[(Key, u16, bool)]| check_ports(ports).map_err(|e| e.to_string());
        let (a, b) = (Key::HttpPort, Key::Workers);
        assert_eq!(
            same(&[(a, 9000, true), (b, 9000, true)]),
            Err(
                "--http-port (PREDICTIVE_UNIT_HTTP_SERVICE_PORT) and --workers (GUNICORN_WORKERS) \
                 are both 9000: every server needs a port of its own"
                    .to_owned()
            )
        );
        assert_eq!(same(&[(a, 9000, true), (b, 9001, true)]), Ok(()));
        assert_eq!(same(&[(a, 9000, true), (b, 9000, false)]), Ok(()));
        assert_eq!(same(&[(a, 0, true), (b, 0, true)]), Ok(()));
    }
}
