use std::net::SocketAddr;

pub(crate) mod component;
mod deployment;
pub(crate) mod grpc;
mod limits;
pub(crate) mod observability;
mod recovery;
pub(crate) mod security;
pub(crate) mod serving;
pub(crate) mod tracing;
pub(crate) mod workers;

pub use component::{Component, Python, ServiceType};
pub use deployment::{Deployment, Identity};
pub use grpc::Grpc;
pub use limits::Limits;
pub use observability::{Development, Log, LogFormat, LogLevel, Metrics};
pub use recovery::Recovery;
pub use security::{Security, Tls, TlsVersion, TokenSource};
pub use serving::{Listen, Rest};
pub use workers::{Defaults, LoadIn, WorkerPool, WorkerStart, Workers};

use crate::row::Row;
use crate::tracing::Tracing;

/// Every setting, in the order of `--help`.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [
        component::ROWS,
        serving::ROWS,
        limits::ROWS,
        workers::ROWS,
        recovery::ROWS,
        grpc::ROWS,
        security::ROWS,
        observability::ROWS,
        tracing::ROWS,
        deployment::ROWS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Everything that can be set, checked and typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What to serve.
    pub component: Component,
    /// Interpreter and import path.
    pub python: Python,
    /// What holds on every port.
    pub listen: Listen,
    /// The REST server.
    pub rest: Rest,
    /// Bounds of requests and connections of REST.
    pub limits: Limits,
    /// The gRPC server.
    pub grpc: Grpc,
    /// Who may come in.
    pub security: Security,
    /// The metrics server, and metrics in responses.
    pub metrics: Metrics,
    /// What holds for the workers of both transports.
    pub workers: Workers,
    /// What is done about requests and workers that go wrong.
    pub recovery: Recovery,
    /// The log.
    pub log: Log,
    /// The development server.
    pub development: Development,
    /// Tracing; `None`: it is off.
    pub tracing: Option<Tracing>,
    /// What a manifest says of the component.
    pub deployment: Deployment,
    /// What this unit is in its deployment.
    pub identity: Identity,
}

impl Settings {
    /// Where REST is served. Port 0: the system chooses.
    pub fn rest_address(&self) -> SocketAddr {
        SocketAddr::new(self.listen.host, self.rest.port)
    }

    /// Where gRPC is served. Port 0: the system chooses.
    pub fn grpc_address(&self) -> SocketAddr {
        SocketAddr::new(self.listen.host, self.grpc.port)
    }

    /// Where metrics are served. Port 0: the system chooses.
    pub fn metrics_address(&self) -> SocketAddr {
        SocketAddr::new(self.listen.host, self.metrics.port)
    }
}
