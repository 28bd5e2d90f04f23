//! Whether the server can take requests: loaded, not draining, and every pool with a worker.

use tokio::sync::watch;

/// What readiness is made of. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    loaded: watch::Receiver<bool>,
    draining: watch::Sender<bool>,
    /// Workers that serve, for each pool.
    live: Vec<watch::Receiver<usize>>,
}

impl Health {
    pub(crate) fn new(loaded: watch::Receiver<bool>, live: Vec<watch::Receiver<usize>>) -> Self {
        Self {
            loaded,
            draining: watch::Sender::new(false),
            live,
        }
    }

    /// From now on the server is not ready any more.
    pub(crate) fn drain(&self) {
        self.draining.send_replace(true);
    }

    /// Follows [`Health::readiness`]. Must be called inside a Tokio runtime.
    #[cfg(feature = "grpc")]
    pub(crate) fn follow(&self) -> watch::Receiver<bool> {
        let (sender, receiver) = watch::channel(self.readiness().is_ok());
        let sender = std::sync::Arc::new(sender);
        self.notify(self.loaded.clone(), &sender);
        for live in &self.live {
            self.notify(live.clone(), &sender);
        }
        receiver
    }

    /// Sends the readiness whenever `part` changes. It is computed under the sender's lock, or an
    /// older value could be sent last.
    #[cfg(feature = "grpc")]
    fn notify<T: Send + Sync + 'static>(
        &self,
        mut part: watch::Receiver<T>,
        sender: &std::sync::Arc<watch::Sender<bool>>,
    ) {
        let (health, sender) = (self.clone(), std::sync::Arc::clone(sender));
        tokio::spawn(async move {
            while part.changed().await.is_ok() {
                sender.send_modify(|ready| *ready = health.readiness().is_ok());
            }
        });
    }

    /// The error says why no request can be taken.
    pub(crate) fn readiness(&self) -> Result<(), &'static str> {
        if *self.draining.borrow() {
            Err("the server is stopping")
        } else if !*self.loaded.borrow() {
            Err("the component is not loaded yet")
        } else if self.live.iter().any(|live| *live.borrow() == 0) {
            Err("no worker is serving; a new one is being started")
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_follows_load_workers_and_drain() {
        let (loaded, is_loaded) = watch::channel(false);
        let (workers, live) = watch::channel(0);
        let (_others, other) = watch::channel(2);
        let health = Health::new(is_loaded, vec![live, other]);
        let says = |part: &str| health.readiness().unwrap_err().contains(part);
        assert!(says("loaded"));
        loaded.send_replace(true);
        assert!(says("no worker"));
        workers.send_replace(1);
        assert_eq!(health.readiness(), Ok(()));
        workers.send_replace(0);
        assert!(says("no worker"));
        workers.send_replace(1);
        health.clone().drain();
        assert!(says("stopping"));
    }
}
