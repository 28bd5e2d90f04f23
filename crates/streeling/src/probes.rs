//! The metrics port, open from before the load until after the drain: on a thread of its own, so
//! that nothing which keeps the server's threads busy keeps a probe waiting.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use streeling_config::Settings;
use streeling_core::{MetricSource, Observer, Sample};
use streeling_metrics::{Identity, Pages, Registry, RequestsPage};
use streeling_net::Connections;
use tokio::sync::oneshot;

use crate::access::{Access, HTTP1};
use crate::connections::PortConnections;
use crate::error::ServeError;
use crate::health::Health;
use crate::inside::Inspector;
use crate::log::announce;
use crate::observability::Observability;

/// Time for a response that is in flight at the very end.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(200);

/// The metrics server, running.
pub(crate) struct Probes {
    stop: oneshot::Sender<()>,
    ended: oneshot::Receiver<()>,
}

/// The metrics port, reserved.
pub(crate) struct Bound {
    port: streeling_net::Bound,
    access: Access,
    endpoint: Arc<str>,
    registry: Arc<Registry>,
    connections: PortConnections,
}

impl Bound {
    pub(crate) fn new(
        settings: &Settings,
        access: Access,
        connections: &PortConnections,
    ) -> Result<Self, ServeError> {
        let port =
            streeling_net::bind(settings.metrics_address()).map_err(ServeError::MetricsPort)?;
        let identity = settings.identity.clone();
        let registry = Registry::new(&Identity {
            deployment: identity.deployment,
            unit: identity.unit,
            image: identity.image,
            predictor: identity.predictor,
            predictor_version: identity.labels.get("version").cloned(),
        });
        Ok(Self {
            port,
            access,
            endpoint: settings.metrics.endpoint.as_str().into(),
            registry: Arc::new(registry),
            connections: connections.clone(),
        })
    }

    /// Counts requests and keeps the metrics that the component reports.
    pub(crate) fn observer(&self) -> Arc<dyn Observer> {
        Arc::<Registry>::clone(&self.registry)
    }

    /// Adds to what Prometheus scrapes.
    pub(crate) fn add_source(&self, source: MetricSource) {
        self.registry.add_source(source);
    }

    /// Everything that Prometheus scrapes.
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Opens the port and serves there until [`Probes::stop`].
    pub(crate) async fn serve(
        self,
        health: Health,
        observability: &Observability,
        inspector: Option<Inspector>,
    ) -> Result<Probes, ServeError> {
        self.registry.add_source(server_metrics(health.clone()));
        self.registry.add_source(self.connections.metric_source());
        for source in observability.metric_sources() {
            self.registry.add_source(source);
        }
        let pages = Pages {
            ready: Arc::new(move || health.readiness()),
            endpoint: self.endpoint,
            registry: self.registry,
            observers: observability.of_scrapes().into_iter().collect(),
            requests: inspector.map(|one| -> RequestsPage { Arc::new(move || one.json()) }),
        };
        let connections = self.connections.metrics.clone();
        let scheme = self.access.scheme();
        let (open, opened) = oneshot::channel();
        let (stop, stopped) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new()
            .name("probes".to_owned())
            .spawn(move || {
                run(self.port, &self.access, pages, connections, open, stopped);
                // There is no receiver where a start has failed.
                let _ = end.send(());
            })
            .map_err(ServeError::Probes)?;
        // It is gone only if the thread has panicked, which has been logged.
        let gone = |_| Err(ServeError::Probes(std::io::ErrorKind::BrokenPipe.into()));
        let address = opened.await.unwrap_or_else(gone)?;
        announce("metrics", scheme, address);
        Ok(Probes { stop, ended })
    }
}

/// Opens the port, says where it is, and serves there, on this thread alone.
fn run(
    port: streeling_net::Bound,
    access: &Access,
    pages: Pages,
    connections: Connections,
    open: oneshot::Sender<Result<SocketAddr, ServeError>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // Without a receiver, the start has failed already.
            let _ = open.send(Err(ServeError::Probes(error)));
            return;
        }
    };
    runtime.block_on(async {
        let port = match port.listen() {
            Ok(port) => port,
            Err(error) => {
                let _ = open.send(Err(ServeError::MetricsPort(error)));
                return;
            }
        };
        let _ = open.send(Ok(port.local_addr()));
        let shutdown = async {
            // A sender that is dropped, where a start fails, stops it as well.
            let _ = stopped.await;
            DRAIN_TIMEOUT
        };
        access
            .serve(connections, port, pages, HTTP1, shutdown)
            .await;
    });
    // A scrape that waits for something must not hold the end.
    runtime.shutdown_background();
}

/// The metrics of the server as a whole.
fn server_metrics(health: Health) -> MetricSource {
    Arc::new(move |out| {
        out.push(Sample {
            name: "streeling_build_info",
            help: "The version that runs; the value is always 1.",
            labels: vec![("version", env!("CARGO_PKG_VERSION").into())],
            value: 1.0,
        });
        out.push(Sample {
            name: "streeling_ready",
            help: "Whether requests can be taken, as /ready says: 1 or 0.",
            labels: Vec::new(),
            value: if health.readiness().is_ok() { 1.0 } else { 0.0 },
        });
    })
}

impl Probes {
    pub(crate) async fn stop(self) {
        // It is gone only if its thread has panicked, which has been logged.
        let _ = self.stop.send(());
        let _ = self.ended.await;
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::sync::mpsc;
    use std::time::Instant;

    use streeling_config::{Annotations, Environment, Features};
    use tokio::sync::watch;

    use super::*;

    /// Guards against a hang.
    const TIMEOUT: Duration = Duration::from_secs(30);

    fn send(address: SocketAddr, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(TIMEOUT)).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream
    }

    fn text(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    /// Its runtime has one thread, and that is the test's own, which never gives it up.
    #[tokio::test]
    async fn probes_wait_neither_for_the_server_nor_for_a_scrape() {
        let args = ["streeling", "Iris", "--host", "127.0.0.1"].map(OsString::from);
        let metrics_port = ("PREDICTIVE_UNIT_METRICS_SERVICE_PORT", "0");
        let environment = Environment::from_iter([metrics_port]);
        let annotations = Annotations::default();
        let loaded = Settings::load(Features::ALL, args, &environment, &annotations).unwrap();
        let settings = loaded.settings;
        let bound = {
            let access = Access::load(&settings).unwrap();
            Bound::new(&settings, access, &PortConnections::new(&settings)).unwrap()
        };
        let address = bound.port.local_addr();
        let (scraped, is_scraped) = mpsc::channel();
        let (go_on, gate) = mpsc::channel::<()>();
        let gate = std::sync::Mutex::new(gate);
        bound.registry.add_source(Arc::new(move |_| {
            scraped.send(()).unwrap();
            gate.lock().unwrap().recv().unwrap();
        }));
        let (_loaded, is_loaded) = watch::channel(true);
        let observability = Observability::start(&settings).unwrap();
        let probes = bound
            .serve(Health::new(is_loaded, Vec::new()), &observability, None)
            .await
            .unwrap();
        let scrape = send(address, "/metrics");
        is_scraped.recv_timeout(TIMEOUT).unwrap();
        for path in ["/live", "/ready"] {
            let response = text(send(address, path));
            assert!(response.ends_with("\r\n\r\nok\n"), "{path}: {response}");
        }
        go_on.send(()).unwrap();
        let scraped = text(scrape);
        assert!(
            scraped.contains("streeling_connections{port=\"metrics\"}"),
            "{scraped}"
        );
        probes.stop().await;
        // A process that another test starts has the port, too, for a moment.
        let since = Instant::now();
        while TcpStream::connect(address).is_ok() {
            assert!(since.elapsed() < TIMEOUT);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
