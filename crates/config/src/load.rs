use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::annotations::{self, Annotations};
use crate::args::RawArgs;
use crate::environment::Environment;
use crate::error::{ConfigError, Warning};
use crate::key::Key;
use crate::names;
use crate::settings::{
    Features, Grpc, Identity, Log, LogLevel, Metrics, Python, Rest, Settings, Workers,
};
use crate::tracing::{self, Tracing};
use crate::value::{Value, size};
use crate::values::Values;

/// Settings, and what the user should know about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What the program needs.
    pub settings: Settings,
    /// To be logged as soon as there is a log.
    pub warnings: Vec<Warning>,
}

impl Settings {
    /// Reads the command line (whose first item is the program's name), then the environment, then
    /// the annotations, then the defaults.
    ///
    /// # Errors
    ///
    /// - [`ConfigError::Help`] and [`ConfigError::Version`] if that was requested;
    /// - [`ConfigError::Usage`] for a command line of the wrong form;
    /// - [`ConfigError::Invalid`] for the first value that cannot be used;
    /// - [`ConfigError::SamePort`] for a port given twice;
    /// - [`ConfigError::NotBuilt`] for workers of a transport that is not in `features`, for
    ///   `--metrics-port` on the command line without the metrics server (the variable gives a
    ///   warning, as the operator sets it in any case), and for traces whose exporter is not in
    ///   `features`.
    pub fn load(
        features: Features,
        args: impl IntoIterator<Item = OsString>,
        environment: &Environment,
        annotations: &Annotations,
    ) -> Result<Loaded, ConfigError> {
        let mut values = Values::read(&RawArgs::parse(args)?, environment)?;
        values.warnings.extend_from_slice(annotations.warnings());
        if !features.rest {
            values.disable_workers(Key::Workers, "REST server", "rest")?;
        }
        if !features.grpc {
            values.disable_workers(Key::GrpcWorkers, "gRPC server", "grpc")?;
        }
        if !features.metrics {
            values.disable_metrics()?;
        }
        let (tracing, warnings) = tracing::read(features, &values, environment)?;
        values.warnings.extend(warnings);
        let settings = settings(&mut values, environment, annotations, tracing);
        check_ports(&[
            (Key::HttpPort, settings.rest.port, settings.rest.workers > 0),
            (Key::GrpcPort, settings.grpc.port, settings.grpc.workers > 0),
            (Key::MetricsPort, settings.metrics.port, features.metrics),
        ])?;
        Ok(Loaded {
            settings,
            warnings: values.warnings,
        })
    }
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

/// Fits the values together.
fn settings(
    values: &mut Values,
    environment: &Environment,
    annotations: &Annotations,
    tracing: Option<Tracing>,
) -> Settings {
    let single_threaded = values.is_true(Key::SingleThreaded);
    let threads = if single_threaded {
        1
    } else {
        values.count(Key::Threads)
    };
    let grpc_threads = values.get(Key::GrpcThreads, |value| match value {
        Value::Count(count) if !single_threaded => Some(*count),
        _ => None,
    });
    let debug = values.is_true(Key::Debug);
    let max_body = values.required(Key::MaxBodySize, |value| match value {
        Value::Size(bytes) => Some(*bytes),
        _ => None,
    });
    Settings {
        interface: values.required(Key::InterfaceName, |value| match value {
            Value::Interface(name) => Some(name.clone()),
            _ => None,
        }),
        service_type: values.word(Key::ServiceType),
        parameters: values.required(Key::Parameters, |value| match value {
            Value::Parameters(parameters) => Some(parameters.clone()),
            _ => None,
        }),
        model_metadata: values.text(Key::ModelMetadata),
        payload_passthrough: values.is_true(Key::PayloadPassthrough),
        debug,
        check: values.is_true(Key::Check),
        pidfile: values.path(Key::Pidfile),
        host: values.required(Key::Host, |value| match value {
            Value::Address(address) => Some(*address),
            _ => None,
        }),
        python: Python {
            interpreter: values
                .path(Key::Python)
                .unwrap_or_else(|| default_interpreter(environment)),
            app_dir: values
                .path(Key::AppDir)
                .unwrap_or_else(|| PathBuf::from(".")),
        },
        rest: Rest {
            port: values.port(Key::HttpPort),
            workers: values.count(Key::Workers),
            threads,
            keepalive: values.duration(Key::Keepalive),
            timeout: values.timeout(annotations, annotations::REST_TIMEOUT),
            max_body,
        },
        grpc: Grpc {
            port: values.port(Key::GrpcPort),
            workers: values.count(Key::GrpcWorkers),
            threads: grpc_threads.unwrap_or(threads),
            timeout: values.timeout(annotations, annotations::GRPC_TIMEOUT),
            max_message: values
                .annotation(
                    annotations,
                    annotations::GRPC_MAX_MESSAGE_SIZE,
                    size,
                    "bytes from 1 to 2147483647",
                )
                .unwrap_or(max_body),
        },
        metrics: Metrics {
            port: values.port(Key::MetricsPort),
            endpoint: values.required(Key::MetricsEndpoint, |value| match value {
                Value::Text(path) => Some(path.clone()),
                _ => None,
            }),
            in_response: values.is_true(Key::IncludeMetrics),
        },
        workers: Workers {
            pool: values.word(Key::WorkerPool),
            single_threaded,
            max_requests: values.count(Key::MaxRequests),
            max_requests_jitter: values.count(Key::MaxRequestsJitter),
            max_queue: values.count(Key::MaxQueue),
            graceful_timeout: values.duration(Key::GracefulTimeout),
            bind_deadline: values.duration(Key::BindDeadline),
        },
        log: Log {
            level: if debug {
                LogLevel::Debug
            } else {
                values.word(Key::LogLevel)
            },
            format: values.word(Key::LogFormat),
            access: values.is_true(Key::AccessLog),
            filter_scrapes: values.bool(Key::FilterMetricsAccessLogs).unwrap_or(!debug),
        },
        tracing,
        identity: Identity {
            unit: values.text(Key::UnitId),
            image: values.text(Key::UnitImage),
            predictor: values.text(Key::PredictorId),
            labels: values.required(Key::PredictorLabels, |value| match value {
                Value::Labels(labels) => Some(labels.clone()),
                _ => None,
            }),
            deployment: values.text(Key::DeploymentId),
            executor: values.is_true(Key::ExecutorEnabled),
        },
    }
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
