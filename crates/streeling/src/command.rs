//! The command line: from the arguments of a program to its exit code.

use std::any::type_name;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, pending, ready};
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use streeling_config::{
    Annotations, ConfigError, Environment, Features, Loaded, PODINFO_ANNOTATIONS, Settings,
};
use streeling_core::{Component, Service, service};

use crate::check::Report;
use crate::control::{controller, hold_signals, on_signals};
use crate::descriptors;
use crate::error::ServeError;
use crate::features::FEATURES;
use crate::server::Server;

/// Serves what the command line names, and returns when the server has ended; meanwhile what
/// `beside` makes runs on the thread that calls this and on another one.
pub fn command<F: Future<Output = ()> + Send + 'static>(beside: impl Fn() -> F) -> ExitCode {
    run(FEATURES, None, beside)
}

/// Serves a component in Rust with the whole command line: flags, variables, signals, logs, probes,
/// metrics and traces, as the Cargo features have them. All of `main`:
///
/// ```no_run
/// # struct Model;
/// # #[async_trait::async_trait]
/// # impl streeling::core::Component for Model {
/// #     async fn metadata(&self) -> streeling::core::Result<streeling::core::RawJson> {
/// #         Ok(streeling::core::RawJson::from_checked("{}".into()))
/// #     }
/// # }
/// fn main() -> std::process::ExitCode {
///     streeling::serve(Model)
/// }
/// ```
///
/// The name of what to serve may be left out of the command line. As process 1 of a container, the
/// program starts itself once more and only looks after that process (see
/// [`first_process`](crate::first_process)): where making the component takes time or memory, call
/// that before.
pub fn serve<C: Component + 'static>(component: C) -> ExitCode {
    let features = Features {
        component: Some(short_name(type_name::<C>())),
        ..FEATURES
    };
    run(features, Some(service(component)), || ready(()))
}

/// The name of a type without its path and its parameters.
fn short_name(name: &'static str) -> &'static str {
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name)
}

fn run<F: Future<Output = ()> + Send + 'static>(
    features: Features,
    service: Option<Arc<dyn Service>>,
    beside: impl Fn() -> F,
) -> ExitCode {
    if let Some(code) = crate::first_process() {
        return code;
    }
    #[cfg(feature = "tools")]
    if let Some(tool) = crate::tool(std::env::args_os()) {
        return tool.run();
    }
    hold_signals();
    let environment = Environment::from_process();
    let annotations = Annotations::read(PODINFO_ANNOTATIONS);
    match Settings::load(features, std::env::args_os(), &environment, &annotations) {
        Ok(loaded) => run_with(loaded, service, beside),
        Err(error) => {
            let text = error.to_string();
            let text = text.trim_end();
            if matches!(error, ConfigError::Help(_) | ConfigError::Version(_)) {
                // A reader that has gone away (`streeling --help | head`) is no fault.
                let _ = writeln!(std::io::stdout(), "{text}");
                if matches!(error, ConfigError::Help(_)) {
                    #[cfg(feature = "tools")]
                    let _ = writeln!(std::io::stdout(), "\n{}", crate::TOOLS);
                    let program = std::env::args_os().next().unwrap_or_default();
                    let examples = streeling_config::examples(features, &program);
                    let _ = writeln!(std::io::stdout(), "\n{examples}");
                }
            } else {
                complain(format_args!("{text}"));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run_with<F: Future<Output = ()> + Send + 'static>(
    loaded: Loaded,
    service: Option<Arc<dyn Service>>,
    beside: impl Fn() -> F,
) -> ExitCode {
    let Loaded { settings, warnings } = loaded;
    let _log = match crate::init_log(&settings.log) {
        Ok(log) => log,
        Err(error) => {
            complain(format_args!("cannot start the log: {error}"));
            return ExitCode::FAILURE;
        }
    };
    descriptors::raise_limit();
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(server_threads())
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.spawn(beside());
    let beside = async {
        beside().await;
        pending::<Infallible>().await
    };
    let serve = async {
        if settings.component.check {
            check(&settings, service).await
        } else {
            serve_until_stopped(settings, service).await
        }
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            biased;
            ended = serve => ended,
            never = beside => match never {},
        }
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_sources(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn serve_until_stopped(
    settings: Settings,
    service: Option<Arc<dyn Service>>,
) -> Result<(), ServeError> {
    let (controller, control) = controller();
    on_signals(controller, settings.workers.graceful_timeout).map_err(ServeError::Signals)?;
    let server = match service {
        Some(service) => Server::with_service(settings, service),
        None => Server::new(settings),
    };
    server.run(control).await
}

/// Prints what would be served.
async fn check(settings: &Settings, service: Option<Arc<dyn Service>>) -> Result<(), ServeError> {
    let report = match service {
        Some(service) => Report::of(settings, &service).await?,
        None => Report::make(settings).await?,
    };
    // As for --help.
    let _ = write!(std::io::stdout(), "{report}");
    Ok(())
}

/// Says something before there is a log to say it in.
fn complain(text: fmt::Arguments<'_>) {
    // Where standard error is closed, nothing can be said.
    let _ = writeln!(std::io::stderr(), "streeling: {text}");
}

/// An error and its causes, as far as its own text does not have them.
fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}

/// Threads that move bytes between clients and workers; large bodies have threads of their own.
///
/// Half of the cores, since the workers need the others: with two threads on two cores, waking each
/// other cost more than they won (38,000 requests/s at 64 connections, one thread 49,000).
fn server_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).clamp(1, 16)
}
