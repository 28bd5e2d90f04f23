//! The `streeling` command.

use std::io::Write;
use std::process::ExitCode;

use streeling::config::{
    Annotations, ConfigError, Environment, Loaded, PODINFO_ANNOTATIONS, Settings,
};
use streeling::{Server, controller, on_signals};

fn main() -> ExitCode {
    if let Some(code) = streeling::first_process() {
        return code;
    }
    let environment = Environment::from_process();
    let annotations = Annotations::read(PODINFO_ANNOTATIONS);
    match Settings::load(
        streeling::PARTS,
        std::env::args_os(),
        &environment,
        &annotations,
    ) {
        Ok(loaded) => run(loaded),
        Err(error) => {
            let wanted = matches!(error, ConfigError::Help(_) | ConfigError::Version(_));
            // A reader that has gone away (`streeling --help | head`) is no fault.
            let _ = if wanted {
                writeln!(std::io::stdout(), "{}", error.to_string().trim_end())
            } else {
                writeln!(
                    std::io::stderr(),
                    "streeling: {}",
                    error.to_string().trim_end()
                )
            };
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(loaded: Loaded) -> ExitCode {
    let Loaded { settings, warnings } = loaded;
    let _log = match streeling::init_log(&settings.log) {
        Ok(log) => log,
        Err(error) => {
            // There is no log to say it in.
            let _ = writeln!(
                std::io::stderr(),
                "streeling: cannot start the log: {error}"
            );
            return ExitCode::FAILURE;
        }
    };
    for warning in &warnings {
        tracing::warn!("{warning}");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(front_threads())
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start the runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    if settings.check {
        return check(&runtime, &settings);
    }
    let ended = runtime.block_on(async {
        let (controller, control) = controller();
        on_signals(controller, settings.workers.graceful_timeout)
            .map_err(streeling::ServeError::Signals)?;
        Server::new(settings).run(control).await
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

/// Says what would be served.
#[cfg(feature = "python")]
fn check(runtime: &tokio::runtime::Runtime, settings: &Settings) -> ExitCode {
    match runtime.block_on(streeling::Report::make(settings)) {
        Ok(report) => {
            // As for --help.
            let _ = write!(std::io::stdout(), "{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(error.exit_code())
        }
    }
}

#[cfg(not(feature = "python"))]
fn check(_: &tokio::runtime::Runtime, settings: &Settings) -> ExitCode {
    tracing::error!(
        "--check looks at the Python class {}, which needs the feature 'python'; this build does not \
         have it",
        settings.interface
    );
    ExitCode::from(2)
}

/// Threads that move bytes between clients and workers; large bodies have threads of their own.
///
/// Half of the cores, since the workers need the others: with two threads on two cores, waking each
/// other cost more than they won (38,000 requests/s at 64 connections, one thread 49,000).
fn front_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (cores / 2).clamp(1, 16)
}
