use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::annotations::{self, Annotations};
use crate::args::RawArgs;
use crate::context::Context;
use crate::draft::Draft;
use crate::environment::Environment;
use crate::error::{ConfigError, Warning};
use crate::features::Features;
use crate::interface::ComponentName;
use crate::kind::size;
use crate::read::{derive, read};
use crate::row::Row;
use crate::settings::component::INTERFACE_NAME;
use crate::settings::grpc::{GRPC_PORT, GRPC_WORKERS};
use crate::settings::observability::{LOG_LEVEL, METRICS_PORT};
use crate::settings::security::security;
use crate::settings::serving::{HTTP_PORT, TIMEOUT_MS, timeout_of};
use crate::settings::workers::WORKERS;
use crate::settings::{
    Component, Development, Grpc, Log, LogLevel, Rest, Security, Settings, Workers, rows,
};
use crate::sources::{Source, Sources};
use crate::tracing::{self, Tracing};

/// Settings, and what the user should know about them.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What the program needs.
    pub settings: Settings,
    /// To be logged as soon as there is a log.
    pub warnings: Vec<Warning>,
}

impl Settings {
    /// Reads the command line (whose first item is the program's name, which chooses between
    /// defaults), then the environment, then the annotations, then the defaults.
    ///
    /// # Errors
    ///
    /// - [`ConfigError::Help`] and [`ConfigError::Version`] if that was requested;
    /// - [`ConfigError::Usage`] for a command line of the wrong form;
    /// - [`ConfigError::Invalid`] for the first value that cannot be used;
    /// - [`ConfigError::SamePort`] for a port given twice;
    /// - [`ConfigError::Incomplete`] and [`ConfigError::Both`] for settings of TLS and of the token
    ///   that do not go together;
    /// - [`ConfigError::NotBuilt`] for workers of a transport that is not in `features`, for TLS
    ///   that is not in them, for `--metrics-port` on the command line without the metrics server
    ///   (the variable gives a warning, as the operator sets it in any case), and for traces whose
    ///   exporter is not in `features`.
    pub fn load(
        features: Features,
        args: impl IntoIterator<Item = OsString>,
        environment: &Environment,
        annotations: &Annotations,
    ) -> Result<Loaded, ConfigError> {
        let args: Vec<OsString> = args.into_iter().collect();
        let program = file_name(args.first().map(OsString::as_os_str));
        let args = RawArgs::parse(args, features.component.is_none())?;
        let mut context = Context::new(&program, environment, annotations);
        let mut draft = Draft::default();
        let sources = read(rows(), &args, &mut context, &mut draft)?;
        if let (Some(name), None) = (features.component, sources.get(&INTERFACE_NAME)) {
            draft.part::<Component>().interface = ComponentName::BuiltIn(name.to_owned());
        }
        context.warnings.extend_from_slice(annotations.warnings());
        leave_out(features, &sources, &mut context, &mut draft)?;
        let tracing = tracing::read(features, &sources, &mut context, &mut draft)?;
        derive(rows(), &sources, &mut context, &mut draft);
        fit(&sources, &mut context, &mut draft);
        let security = security(features, &sources, &mut context, &mut draft)?;
        let settings = finish(&mut draft, security, tracing);
        check_ports(&[
            (&HTTP_PORT, settings.rest.port, features.rest),
            (&GRPC_PORT, settings.grpc.port, settings.grpc.workers > 0),
            (&METRICS_PORT, settings.metrics.port, features.metrics),
        ])?;
        Ok(Loaded {
            settings,
            warnings: context.warnings,
        })
    }
}

/// The name of the program, without its folder.
pub(crate) fn file_name(program: Option<&OsStr>) -> String {
    let name = program.and_then(|path| Path::new(path).file_name());
    name.map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// What is not in this build has no workers and no port; to set them is an error.
fn leave_out(
    features: Features,
    sources: &Sources,
    context: &mut Context<'_>,
    draft: &mut Draft,
) -> Result<(), ConfigError> {
    if !features.rest {
        let workers = &mut draft.part::<Rest>().workers;
        disable_workers(&WORKERS, workers, sources, ("REST server", "rest"))?;
    }
    if !features.grpc {
        let workers = &mut draft.part::<Grpc>().workers;
        disable_workers(&GRPC_WORKERS, workers, sources, ("gRPC server", "grpc"))?;
    }
    match sources.get(&METRICS_PORT).filter(|_| !features.metrics) {
        None => Ok(()),
        Some(source @ Source::CommandLine) => Err(not_built(
            &METRICS_PORT,
            source,
            ("metrics server", "metrics"),
        )),
        // The operator sets it for every component.
        Some(source @ Source::Variable(_)) => {
            context.warn(format!(
                "{METRICS_PORT}, set by {}, has no effect: this build has no metrics server, which \
                 is the Cargo feature 'metrics'",
                source.describe()
            ));
            Ok(())
        }
    }
}

/// What is missing, and the Cargo feature that it is.
type Missing = (&'static str, &'static str);

fn disable_workers(
    row: &Row,
    workers: &mut u32,
    sources: &Sources,
    missing: Missing,
) -> Result<(), ConfigError> {
    match sources.get(row) {
        Some(source) if *workers > 0 => Err(not_built(row, source, missing)),
        _ => {
            *workers = 0;
            Ok(())
        }
    }
}

fn not_built(row: &Row, source: Source, (part, feature): Missing) -> ConfigError {
    ConfigError::NotBuilt {
        names: row.to_string(),
        origin: source.describe(),
        part,
        feature,
    }
}

/// Fits settings together that are not independent.
fn fit(sources: &Sources, context: &mut Context<'_>, draft: &mut Draft) {
    let (timeout, max_body) = {
        let rest = draft.part::<Rest>();
        (rest.timeout, rest.max_body)
    };
    let timeout = match sources.get(&TIMEOUT_MS) {
        Some(_) => timeout,
        None => timeout_of(context, annotations::GRPC_TIMEOUT),
    };
    let max_message = context.annotation(
        annotations::GRPC_MAX_MESSAGE_SIZE,
        size,
        "bytes from 1 to 2147483647",
    );
    let grpc = draft.part::<Grpc>();
    grpc.timeout = timeout;
    grpc.max_message = max_message.unwrap_or(max_body);
    if draft.part::<Workers>().single_threaded {
        draft.part::<Rest>().threads = 1;
        draft.part::<Grpc>().threads = 1;
    }
    if draft.part::<Development>().enabled && !sources.is_preceded(&LOG_LEVEL) {
        draft.part::<Log>().level = LogLevel::Debug;
    }
}

fn finish(draft: &mut Draft, security: Security, tracing: Option<Tracing>) -> Settings {
    Settings {
        component: draft.take(),
        python: draft.take(),
        listen: draft.take(),
        rest: draft.take(),
        limits: draft.take(),
        grpc: draft.take(),
        security,
        metrics: draft.take(),
        workers: draft.take(),
        recovery: draft.take(),
        log: draft.take(),
        development: draft.take(),
        tracing,
        deployment: draft.take(),
        identity: draft.take(),
    }
}

/// Two servers cannot share a port. One that is switched off, or not in this build, needs none.
fn check_ports(ports: &[(&Row, u16, bool)]) -> Result<(), ConfigError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ports_that_are_bound_must_differ() {
        let same = |ports: &[(&Row, u16, bool)]| check_ports(ports).map_err(|e| e.to_string());
        let (a, b) = (&HTTP_PORT, &WORKERS);
        assert_eq!(
            same(&[(a, 9000, true), (b, 9000, true)]),
            Err(
                "--http-port (PREDICTIVE_UNIT_HTTP_SERVICE_PORT, MLSERVER_HTTP_PORT) and --workers \
                 (GUNICORN_WORKERS) are both 9000: every server needs a port of its own"
                    .to_owned()
            )
        );
        assert_eq!(same(&[(a, 9000, true), (b, 9001, true)]), Ok(()));
        assert_eq!(same(&[(a, 9000, true), (b, 9000, false)]), Ok(()));
        assert_eq!(same(&[(a, 0, true), (b, 0, true)]), Ok(()));
    }
}
