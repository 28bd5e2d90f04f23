//! The standard services beside Seldon's: health and reflection.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use streeling_core::Subject;
use streeling_proto::FILE_DESCRIPTOR_SET;
use tokio::sync::watch;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::routes::ROUTES;

/// Between the word that the server ends and the end of the streams that watch its health.
const LAST_WORD: Duration = Duration::from_millis(100);

/// Answers a request.
type Answers = Box<dyn Fn(Request<Incoming>) -> BoxFuture<'static, Response<Body>> + Send + Sync>;

/// One of the services.
pub(crate) struct Service {
    name: &'static str,
    /// What a request for it asks for, as metrics and traces have it.
    pub(crate) subject: Subject,
    pub(crate) call: Answers,
}

/// The services, found by the first part of a path.
pub(crate) struct Standard(Vec<Service>);

impl Standard {
    /// The services, and what keeps health true for as long as it is polled: SERVING when `ready` and
    /// not `draining`.
    pub(crate) fn new(
        ready: watch::Receiver<bool>,
        draining: watch::Receiver<bool>,
    ) -> (Self, impl Future<Output = Infallible> + Send) {
        let (reporter, health) = tonic_health::server::health_reporter();
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let checked = "the descriptors are generated, and the tests read them";
        let services = Self(vec![
            entry("grpc_health", health),
            entry("reflection", reflection().build_v1().expect(checked)),
            entry("reflection", reflection().build_v1alpha().expect(checked)),
        ]);
        (services, follow(reporter, ready, draining))
    }

    /// The service that a path belongs to.
    pub(crate) fn find(&self, path: &str) -> Option<&Service> {
        let name = path.strip_prefix('/')?.split('/').next()?;
        self.0.iter().find(|service| service.name == name)
    }
}

fn entry<S>(label: &'static str, service: S) -> Service
where
    S: tower_service::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let call: Answers = Box::new(move |request| {
        // Tonic's services are always ready.
        let answer = service.clone().call(request);
        answer.map(|Ok(response)| response).boxed()
    });
    Service {
        name: S::NAME,
        subject: Subject::new(label, S::NAME),
        call,
    }
}

/// Tells the health service how it is, about the server and about each of its services.
async fn follow(
    mut reporter: HealthReporter,
    mut ready: watch::Receiver<bool>,
    mut draining: watch::Receiver<bool>,
) -> Infallible {
    loop {
        let status = if *ready.borrow_and_update() && !*draining.borrow_and_update() {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        reporter.set_service_status("", status).await;
        for service in services() {
            reporter.set_service_status(service, status).await;
        }
        if *draining.borrow() {
            // Who watches hears of it, and then the end of the watch: it must not hold the drain.
            tokio::time::sleep(LAST_WORD).await;
            reporter.clear_service_status("").await;
            for service in services() {
                reporter.clear_service_status(service).await;
            }
            std::future::pending::<()>().await;
        }
        tokio::select! {
            Ok(()) = ready.changed() => {}
            Ok(()) = draining.changed() => {}
            // Nobody will say otherwise any more.
            else => std::future::pending::<()>().await,
        }
    }
}

/// The names of Seldon's services, each once.
fn services() -> impl Iterator<Item = &'static str> {
    let mut seen: Vec<&str> = ROUTES
        .iter()
        .filter_map(|route| route.path.strip_prefix('/')?.split('/').next())
        .collect();
    seen.sort_unstable();
    seen.dedup();
    seen.into_iter()
}
