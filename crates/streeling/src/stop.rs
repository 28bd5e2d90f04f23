//! When the server is to end, and how much time it has left.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells every [`Stop`] made with it to end.
#[derive(Clone, Debug)]
pub struct Stopper(watch::Sender<Option<Duration>>);

/// Waits to be told to end.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<Option<Duration>>);

/// A connected pair.
#[must_use]
pub fn stopper() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(None);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Ends the server; requests under way have `grace` to be answered.
    pub fn stop(&self, grace: Duration) {
        self.0.send_replace(Some(grace));
    }
}

impl Stop {
    /// Waits until the server is to end; gives the grace. Never returns when every [`Stopper`] was
    /// dropped without a word.
    pub async fn stopped(&mut self) -> Duration {
        let told = self
            .0
            .wait_for(Option::is_some)
            .await
            .map(|grace| grace.unwrap_or_default());
        match told {
            Ok(grace) => grace,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Waits for the signals that gunicorn's users know: TERM ends with `grace`, INT and QUIT without. A second
/// one of any kind ends the process at once, with the exit code that a shell gives for it.
///
/// # Errors
///
/// When the system refuses a signal handler.
pub fn on_signals(stopper: Stopper, grace: Duration) -> std::io::Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    tokio::spawn(async move {
        let mut ending = false;
        loop {
            let (name, kind, grace) = tokio::select! {
                _ = term.recv() => ("SIGTERM", SignalKind::terminate(), grace),
                _ = int.recv() => ("SIGINT", SignalKind::interrupt(), Duration::ZERO),
                _ = quit.recv() => ("SIGQUIT", SignalKind::quit(), Duration::ZERO),
            };
            if ending {
                tracing::warn!("{name} again: ending at once");
                std::process::exit(128 + kind.as_raw_value());
            }
            ending = true;
            tracing::info!("{name}: ending, requests under way have {grace:?}");
            stopper.stop(grace);
        }
    });
    Ok(())
}
