//! `--check`: what would be served.

use std::fmt;
use std::time::Duration;

use streeling_config::{Settings, WorkerPool};
use streeling_core::{Context, ErrorKind, Input, Method, Payload, Request, Response, Service as _};

use crate::error::ServeError;
use crate::features::FEATURES;
use crate::pidfile::{Pidfile, PidfileError};
use crate::{pools, ports};

/// What a start with these settings would serve; its text is a table for a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    rows: Vec<(&'static str, String)>,
}

impl Report {
    /// Loads the Python class that the settings name, in one worker, and describes it. No port is
    /// opened, so that a server may run beside it.
    ///
    /// # Errors
    ///
    /// As at a start, except that ports may be in use, and that the pid file may name a server.
    pub async fn make(settings: &Settings) -> Result<Self, ServeError> {
        let pool = pools::one_worker(settings)?;
        ports::check(settings)?;
        match settings.workers.pidfile.as_deref().map(Pidfile::claim) {
            None | Some(Ok(_) | Err(PidfileError::Live { .. })) => {}
            Some(Err(error)) => return Err(error.into()),
        }
        pool.start().await?;
        let about = pool.about();
        let request = Request {
            method: Method::Metadata,
            model: None,
            input: Input::None,
        };
        let metadata = match pool.call(&Context::default(), request).await {
            Ok(response) => metadata(&response),
            Err(error) if error.kind == ErrorKind::BadMetadata => {
                format!("not valid: {}", error.info)
            }
            Err(error) => error.info,
        };
        pool.stop(Duration::from_millis(500)).await;
        let mut rows = vec![
            (
                "component",
                format!(
                    "{} ({})",
                    settings.component.interface,
                    settings.component.service_type.as_str()
                ),
            ),
            (
                "interpreter",
                settings.python.interpreter.display().to_string(),
            ),
        ];
        if let Some(about) = about {
            rows.push(("methods", about.methods.join(", ")));
            rows.push(("loaded in", format!("{:.3} s", about.load.as_secs_f64())));
        }
        rows.push(("metadata", metadata));
        rows.extend(layout(settings));
        Ok(Self { rows })
    }
}

fn metadata(response: &Response) -> String {
    match &response.message.payload {
        Payload::Json(metadata) => String::from_utf8_lossy(metadata.as_bytes()).into_owned(),
        _ => "none".to_owned(),
    }
}

/// Ports and workers.
fn layout(settings: &Settings) -> [(&'static str, String); 4] {
    let (rest, grpc) = (
        pools::workers(settings, settings.rest.workers),
        pools::workers(settings, settings.grpc.workers),
    );
    let port = |workers: u32, address: std::net::SocketAddr| match workers {
        0 => "off".to_owned(),
        _ => address.to_string(),
    };
    let count = |number: u32, one: &str, more: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {more}"),
    };
    let size = |workers: u32, threads: u32| {
        let each = if workers == 1 { "" } else { " each" };
        format!(
            "{} with {}{each}",
            count(workers, "process", "processes"),
            count(threads, "thread", "threads")
        )
    };
    let (rest_threads, grpc_threads) = (settings.rest.threads, settings.grpc.threads);
    let workers = match settings.workers.pool {
        WorkerPool::Shared => format!(
            "{}, shared by both transports",
            size(rest.max(grpc), rest_threads.max(grpc_threads))
        ),
        WorkerPool::Separate => [("REST", rest, rest_threads), ("gRPC", grpc, grpc_threads)]
            .into_iter()
            .filter(|(_, workers, _)| *workers > 0)
            .map(|(transport, workers, threads)| format!("{transport}: {}", size(workers, threads)))
            .collect::<Vec<_>>()
            .join("; "),
    };
    [
        ("REST", port(rest, settings.rest_address())),
        ("gRPC", port(grpc, settings.grpc_address())),
        (
            "probes",
            if FEATURES.metrics {
                settings.metrics_address().to_string()
            } else {
                "off".to_owned()
            },
        ),
        ("workers", workers),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.rows {
            writeln!(f, "{name:<12} {}", value.replace('\n', "\n             "))?;
        }
        Ok(())
    }
}
