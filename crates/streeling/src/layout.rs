//! Ports, workers and threads in words, for a check and for the log of a start.

use std::net::SocketAddr;

use streeling_config::Settings;
#[cfg(feature = "python")]
use {
    crate::pools,
    streeling_config::{Defaults, WorkerPool},
};

use crate::features::FEATURES;

/// Where each transport is served.
pub(crate) fn ports(settings: &Settings) -> [(&'static str, String); 3] {
    let port = |is_on: bool, address: SocketAddr| match is_on {
        true => address.to_string(),
        false => "off".to_owned(),
    };
    let rest = match settings.rest.workers {
        0 if FEATURES.rest => format!("off; health alone at {}", settings.rest_address()),
        workers => port(workers > 0, settings.rest_address()),
    };
    [
        ("REST", rest),
        (
            "gRPC",
            port(settings.grpc.workers > 0, settings.grpc_address()),
        ),
        ("probes", port(FEATURES.metrics, settings.metrics_address())),
    ]
}

/// How many processes and threads there are.
#[cfg(feature = "python")]
pub(crate) fn workers(settings: &Settings) -> String {
    let (rest, grpc) = (
        pools::workers(settings, settings.rest.workers),
        pools::workers(settings, settings.grpc.workers),
    );
    let (rest_threads, grpc_threads) = (settings.rest.threads, settings.grpc.threads);
    match settings.workers.pool {
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
    }
}

/// Whose defaults count, and how that is changed.
#[cfg(feature = "python")]
pub(crate) fn defaults(settings: &Settings) -> String {
    let defaults = settings.workers.defaults;
    let whose = match defaults {
        Defaults::Page => "Seldon Core's documentation",
        Defaults::SeldonCore => "seldon-core 1.18.2",
    };
    format!("of {whose} (STREELING_DEFAULTS={})", defaults.as_str())
}

#[cfg(feature = "python")]
fn size(workers: u32, threads: u32) -> String {
    let each = if workers == 1 { "" } else { " each" };
    format!(
        "{} with {}{each}",
        count(workers, "process", "processes"),
        count(threads, "thread", "threads")
    )
}

#[cfg(feature = "python")]
fn count(number: u32, one: &str, more: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {more}"),
    }
}
