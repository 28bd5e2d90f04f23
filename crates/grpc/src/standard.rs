//! The standard services beside the protocols' own: health and reflection.

use std::convert::Infallible;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use streeling_core::Operation;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::server::HealthReporter;

use crate::bounded::Bounded;
use crate::router;

/// Responds to a request.
type Call = Box<dyn Fn(Request<Bounded>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// One of the services.
pub(crate) struct Service {
    name: &'static str,
    /// What a request for it is for, as metrics and traces have it.
    pub(crate) operation: Operation,
    pub(crate) call: Call,
}

/// The services, found by the first part of a path.
pub(crate) struct Standard(Vec<Service>);

impl Standard {
    /// The services, and where health is reported. Reflection describes these files and those of
    /// the health service.
    pub(crate) fn new<'a>(files: impl Iterator<Item = &'a [u8]>) -> (Self, HealthReporter) {
        let (reporter, health) = tonic_health::server::health_reporter();
        let files: Vec<_> = files
            .chain([tonic_health::pb::FILE_DESCRIPTOR_SET])
            .collect();
        let reflection = || {
            let builder = tonic_reflection::server::Builder::configure();
            files.iter().fold(builder, |builder, files| {
                builder.register_encoded_file_descriptor_set(files)
            })
        };
        let readable = "a protocol describes its services in a set of file descriptors";
        let services = Self(vec![
            entry("grpc_health", health),
            entry("reflection", reflection().build_v1().expect(readable)),
            entry("reflection", reflection().build_v1alpha().expect(readable)),
        ]);
        (services, reporter)
    }

    /// The service that a path belongs to.
    pub(crate) fn find(&self, path: &str) -> Option<&Service> {
        let name = router::service(path)?;
        self.0.iter().find(|service| service.name == name)
    }
}

/// Whether a path is for probes, which bring no token.
pub(crate) fn is_probe(path: &str) -> bool {
    router::service(path) == Some("grpc.health.v1.Health")
}

fn entry<S>(label: &'static str, service: S) -> Service
where
    S: tower_service::Service<Request<Bounded>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let call: Call = Box::new(move |request| {
        // Tonic's services are always ready.
        let response = service.clone().call(request);
        response.map(|Ok(response)| response).boxed()
    });
    Service {
        name: S::NAME,
        operation: Operation::new(label, S::NAME),
        call,
    }
}
