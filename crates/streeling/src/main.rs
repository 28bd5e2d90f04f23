//! The `streeling` command.

#[cfg(feature = "mimalloc")]
mod allocator;

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use streeling::config::{
    Annotations, ConfigError, Environment, Loaded, PODINFO_ANNOTATIONS, Settings,
};
use streeling::{ServeError, Server, controller, on_signals};

fn main() -> ExitCode {
    if let Some(code) = streeling::first_process() {
        return code;
    }
    #[cfg(feature = "tools")]
    if let Some(tool) = streeling::tool(std::env::args_os()) {
        return tool.run();
    }
    let environment = Environment::from_process();
    let annotations = Annotations::read(PODINFO_ANNOTATIONS);
    match Settings::load(
        streeling::FEATURES,
        std::env::args_os(),
        &environment,
        &annotations,
    ) {
        Ok(loaded) => run(loaded),
        Err(error) => {
            let text = error.to_string();
            let text = text.trim_end();
            if matches!(error, ConfigError::Help(_) | ConfigError::Version(_)) {
                // A reader that has gone away (`streeling --help | head`) is no fault.
                let _ = writeln!(std::io::stdout(), "{text}");
                #[cfg(feature = "tools")]
                if matches!(error, ConfigError::Help(_)) {
                    let _ = writeln!(std::io::stdout(), "\n{}", streeling::TOOLS);
                }
            } else {
                complain(format_args!("{text}"));
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(loaded: Loaded) -> ExitCode {
    let Loaded { settings, warnings } = loaded;
    let _log = match streeling::init_log(&settings.log) {
        Ok(log) => log,
        Err(error) => {
            complain(format_args!("cannot start the log: {error}"));
            return ExitCode::FAILURE;
        }
    };
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
    #[cfg(feature = "mimalloc")]
    runtime.spawn(allocator::give_back());
    let ended = if settings.component.check {
        check(&runtime, &settings)
    } else {
        runtime.block_on(serve(settings))
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{}", with_sources(&error));
            ExitCode::from(error.exit_code())
        }
    }
}

async fn serve(settings: Settings) -> Result<(), ServeError> {
    let (controller, control) = controller();
    on_signals(controller, settings.workers.graceful_timeout).map_err(ServeError::Signals)?;
    Server::new(settings).run(control).await
}

/// Prints what would be served.
#[cfg(feature = "python")]
fn check(runtime: &tokio::runtime::Runtime, settings: &Settings) -> Result<(), ServeError> {
    let report = runtime.block_on(streeling::Report::make(settings))?;
    // As for --help.
    let _ = write!(std::io::stdout(), "{report}");
    Ok(())
}

#[cfg(not(feature = "python"))]
fn check(_: &tokio::runtime::Runtime, settings: &Settings) -> Result<(), ServeError> {
    Err(ServeError::Feature {
        usage: format!(
            "--check of the Python class {}",
            settings.component.interface
        ),
        feature: "python",
    })
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
