//! A transport around a scripted model, served in memory.

use std::sync::Arc;
use std::time::Duration;

use streeling_core::{Annotate, Layer as _, Models, Observer, Observers, service};
use streeling_net::{Connections, Drained, Transport, serve_within};
use tokio::io::DuplexStream;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::pipe::{Dialer, pipe};
use crate::recorder::Recorder;
use crate::scripted::Scripted;

/// A running server.
#[derive(Debug)]
pub struct Harness {
    /// What is served, under the name `scripted`.
    pub model: Scripted,
    /// What observers were notified of.
    pub recorder: Arc<Recorder>,
    /// Whether the model is ready; it is from the start.
    pub ready: watch::Sender<bool>,
    /// Where clients connect.
    pub dialer: Dialer,
    shutdown: oneshot::Sender<Duration>,
    task: JoinHandle<Drained>,
}

impl Harness {
    /// Serves the transport that `make` returns. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn start<T: Transport + 'static>(
        make: impl FnOnce(Models, Observers, watch::Receiver<bool>) -> T,
    ) -> Self {
        Self::within(Connections::default(), make)
    }

    /// The same, with no more connections than these may be.
    #[must_use]
    pub fn within<T: Transport + 'static>(
        connections: Connections,
        make: impl FnOnce(Models, Observers, watch::Receiver<bool>) -> T,
    ) -> Self {
        let model = Scripted::default();
        let recorder = Arc::new(Recorder::default());
        let observer: Arc<dyn Observer> = Arc::<Recorder>::clone(&recorder);
        let observers: Observers = [observer].into_iter().collect();
        let annotate = Annotate {
            observers: observers.clone(),
            ..Annotate::default()
        };
        let models = Models::one("scripted", annotate.layer(service(model.clone())));
        let (ready, is_ready) = watch::channel(true);
        let transport = make(models, observers, is_ready);
        let (dialer, listener) = pipe();
        let (shutdown, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            // Dropped without a word, it serves until the test's runtime ends.
            let stop = async {
                match stopped.await {
                    Ok(grace) => grace,
                    Err(_) => std::future::pending().await,
                }
            };
            serve_within(connections, listener, transport, stop).await
        });
        Self {
            model,
            recorder,
            ready,
            dialer,
            shutdown,
            task,
        }
    }

    /// A new connection.
    ///
    /// # Panics
    ///
    /// When the server was stopped.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        self.dialer.connect().expect("the server is stopped")
    }

    /// Stops the server, without waiting; requests under way have `grace` to be finished.
    #[must_use]
    pub fn stop_within(self, grace: Duration) -> JoinHandle<Drained> {
        // An error means that it has ended, by a panic which the task then shows.
        let _ = self.shutdown.send(grace);
        self.task
    }
}
