//! The life of a server, from its ports to its end.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_config::Settings;
use streeling_core::{Component, Observers, Service};
use tokio::sync::watch;
use tokio::task::JoinSet;

#[cfg(any(feature = "rest", feature = "grpc"))]
use crate::access::Access;
use crate::backend::Backend;
#[cfg(any(feature = "rest", feature = "grpc"))]
use crate::connections::PortConnections;
use crate::control::{Control, controller};
use crate::error::ServeError;
use crate::health::Health;
use crate::inside::Inspector;
use crate::memory::Memory;
use crate::pidfile::Pidfile;
use crate::ports::{PortModels, Ports, Serving};
use crate::resources::Resources;

/// A server that is ready to be run.
pub struct Server {
    settings: Settings,
    service: Option<Arc<dyn Service>>,
}

impl Server {
    /// Serves the Python class that the settings name.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            service: None,
        }
    }

    /// Serves a component that lives in this process. The settings' interface name and threads do
    /// not matter, nor does the number of workers, but a transport with 0 workers is not served
    /// (the port of REST is, with health alone).
    #[must_use]
    pub fn with_component(settings: Settings, component: impl Component + 'static) -> Self {
        Self::with_service(settings, streeling_core::service(component))
    }

    /// The same for any service, such as a component with layers around it.
    #[must_use]
    pub fn with_service(settings: Settings, service: Arc<dyn Service>) -> Self {
        Self {
            settings,
            service: Some(service),
        }
    }

    /// Runs until it is stopped: reserves the ports, loads the component, serves, drains, and stops
    /// everything in order.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the server cannot start, or cannot go on. What a setting can mend (an
    /// interpreter that is missing, a port in use, a pid file that names another server) is found
    /// before anything is loaded.
    pub async fn run(self, control: Control) -> Result<(), ServeError> {
        let settings = &self.settings;
        let memory = Memory::new(settings);
        let backend = Backend::new(settings, self.service, memory.budget())?;
        let resources = Resources::reserve(settings)?;
        backend.announce(settings);
        let observability = resources.observability.clone();
        let ended = run(settings, &backend, resources, &memory, control).await;
        observability.stop().await;
        ended
    }
}

/// With the metrics port open from before the load until after the drain.
async fn run(
    settings: &Settings,
    backend: &Backend,
    resources: Resources,
    memory: &Memory,
    control: Control,
) -> Result<(), ServeError> {
    let (loaded, is_loaded) = watch::channel(false);
    let health = Health::new(is_loaded, backend.live());
    let observers = resources.observers();
    let models = backend.models(settings, &observers);
    #[cfg(feature = "metrics")]
    resources.probes.registry().add_source(memory.metrics());
    #[cfg(all(feature = "metrics", feature = "python"))]
    backend.show_to(resources.probes.registry());
    let inspector = Inspector {
        observers: observers.clone(),
        health: health.clone(),
        #[cfg(feature = "python")]
        pools: backend.pools(),
    };
    // It ends when this is dropped.
    let mut inspections = JoinSet::new();
    inspections.spawn(inspector.clone().log_on(control.inspections()));
    #[cfg(feature = "metrics")]
    if let Some(source) = resources.access.metric_source() {
        resources.probes.add_source(source);
    }
    #[cfg(feature = "metrics")]
    let probes = {
        let inspector = settings.metrics.debug_endpoints.then_some(inspector);
        let probes = resources.probes;
        probes
            .serve(health.clone(), &resources.observability, inspector)
            .await?
    };
    let mut pidfile = resources.pidfile;
    let life = Life {
        #[cfg(any(feature = "rest", feature = "grpc"))]
        access: resources.access,
        settings,
        backend,
        models,
        observers,
        ports: resources.ports,
        #[cfg(any(feature = "rest", feature = "grpc"))]
        connections: resources.connections,
        pidfile: pidfile.as_mut(),
        health,
        loaded,
        memory,
        control,
    };
    let (drain_deadline, ended) = match life.load_and_serve().await {
        Ok(Drained { deadline, ended }) => (deadline, ended),
        Err(error) => (Instant::now(), Err(error)),
    };
    // Connections and workers share one grace: the pod's own does not wait.
    backend
        .stop(drain_deadline.saturating_duration_since(Instant::now()))
        .await;
    drop((pidfile, inspections));
    #[cfg(feature = "metrics")]
    probes.stop().await;
    ended
}

/// A server from the load to the drain.
struct Life<'a> {
    #[cfg(any(feature = "rest", feature = "grpc"))]
    access: Access,
    settings: &'a Settings,
    backend: &'a Backend,
    models: PortModels,
    observers: Observers,
    ports: Ports,
    #[cfg(any(feature = "rest", feature = "grpc"))]
    connections: PortConnections,
    pidfile: Option<&'a mut Pidfile>,
    health: Health,
    loaded: watch::Sender<bool>,
    memory: &'a Memory,
    control: Control,
}

/// How it came to the drain, which is over.
struct Drained {
    /// The end of the grace.
    deadline: Instant,
    ended: Result<(), ServeError>,
}

impl Drained {
    fn after(grace: Duration, ended: Result<(), ServeError>) -> Self {
        let deadline = Instant::now() + grace;
        Self { deadline, ended }
    }
}

impl Life<'_> {
    async fn load_and_serve(mut self) -> Result<Drained, ServeError> {
        let mut load = pin!(self.backend.load(self.settings));
        let bind_deadline = self.settings.workers.bind_deadline;
        let in_time = tokio::select! {
            // A load that has ended counts, however short the deadline is.
            biased;
            loaded = &mut load => {
                loaded?;
                true
            }
            grace = self.control.stopped() => return Ok(Drained::after(grace, Ok(()))),
            () = tokio::time::sleep(bind_deadline) => {
                tracing::warn!(
                    "still loading after {bind_deadline:?}: the ports open (--bind-deadline, \
                     STREELING_BIND_DEADLINE), and requests are refused until the load has ended"
                );
                false
            }
        };
        self.memory.measure();
        self.loaded.send_replace(in_time);
        let ports = self.ports.listen()?;
        if let Some(pidfile) = self.pidfile {
            pidfile.write()?;
        }
        let failure = async {
            if !in_time {
                if let Err(error) = load.await {
                    return error;
                }
                self.memory.measure();
                self.loaded.send_replace(true);
            }
            self.backend.run_until_failed(self.control.clone()).await
        };
        let (drain, drained) = controller();
        let is_loaded = self.loaded.subscribe();
        let serving = Serving {
            #[cfg(any(feature = "rest", feature = "grpc"))]
            access: self.access,
            models: self.models,
            observers: self.observers,
            #[cfg(any(feature = "rest", feature = "grpc"))]
            connections: self.connections,
            ready: is_loaded,
            budget: self.memory.budget().clone(),
            health: self.health.clone(),
            control: drained,
            #[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
            reload: self.control.reload(),
        };
        let serve = ports.serve(self.settings, serving);
        let stop = async {
            let mut control = self.control.clone();
            let end = tokio::select! {
                grace = control.stopped() => (grace, Ok(())),
                error = failure => (self.settings.workers.graceful_timeout, Err(error)),
            };
            self.health.drain();
            drain.stop(end.0);
            Drained::after(end.0, end.1)
        };
        let ((), drained) = tokio::join!(serve, stop);
        Ok(drained)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[cfg(all(
    test,
    feature = "rest",
    feature = "grpc",
    feature = "metrics",
    feature = "python"
))]
mod late_start;

#[cfg(all(test, feature = "rest", feature = "grpc", feature = "metrics"))]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use async_trait::async_trait;
    use bytes::Bytes;
    use streeling_config::{Annotations, Environment};
    use streeling_core::RawJson;

    use super::*;
    use crate::features::FEATURES;

    /// Guards against a hang.
    const TIMEOUT: Duration = Duration::from_secs(60);

    struct Defaults;

    #[async_trait]
    impl Component for Defaults {
        async fn metadata(&self) -> streeling_core::Result<RawJson> {
            Ok(RawJson::from_checked(Bytes::from_static(b"{}")))
        }
    }

    fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes())?;
        let mut response = String::new();
        stream.read_to_string(&mut response)?;
        Ok(response)
    }

    /// The life that workers go through in the tests of the whole server.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_component_in_this_process_lives_from_its_ports_to_its_pid_file() {
        let folder = tempfile::tempdir().unwrap();
        let pidfile = folder.path().join("pid");
        // Where the system chooses the port, only the log says which it is.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let port = address.port().to_string();
        let arguments = [
            "streeling",
            "Defaults",
            "--host=127.0.0.1",
            "--http-port",
            &port,
            "--grpc-port=0",
            "--metrics-port=0",
            "--pidfile",
            pidfile.to_str().unwrap(),
        ];
        let loaded = Settings::load(
            FEATURES,
            arguments.map(Into::into),
            &Environment::default(),
            &Annotations::default(),
        );
        let server = Server::with_component(loaded.unwrap().settings, Defaults);
        let (controller, control) = controller();
        let server = tokio::spawn(server.run(control));
        let since = Instant::now();
        while !pidfile.exists() {
            assert!(since.elapsed() < TIMEOUT && !server.is_finished());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ping = get(address, "/health/ping").unwrap();
        assert!(ping.starts_with("HTTP/1.1 200 "), "{ping}");
        controller.stop(Duration::from_secs(5));
        server.await.unwrap().unwrap();
        assert!(get(address, "/health/ping").is_err());
        assert!(!pidfile.exists());
    }
}
