//! How a running server is controlled: stopped, reloaded, given more or fewer workers.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How long a signal to stop counts as the one before it, sent again: a supervisor and a shell that
/// both end a process group send it twice, and neither wants requests to be lost.
const REPEATED: Duration = Duration::from_secs(1);

/// Controls the server that has its [`Control`].
#[derive(Clone, Debug)]
pub struct Controller {
    stop: watch::Sender<Option<Duration>>,
    desired: watch::Sender<DesiredState>,
}

/// The server's side of a [`Controller`].
#[derive(Clone, Debug)]
pub struct Control {
    stop: watch::Receiver<Option<Duration>>,
    #[cfg(feature = "python")]
    desired: watch::Receiver<DesiredState>,
}

/// What the workers are to become. Totals since the start, so that changes which arrive while an
/// earlier one is carried out are carried out together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DesiredState {
    /// How often the component is to be loaded again.
    pub(crate) reloads: u64,
    /// Workers of each pool above the number that it started with.
    pub(crate) extra_workers: i64,
}

/// A connected pair.
#[must_use]
pub fn controller() -> (Controller, Control) {
    let (stop, stopped) = watch::channel(None);
    let desired = watch::Sender::new(DesiredState::default());
    let control = Control {
        stop: stopped,
        #[cfg(feature = "python")]
        desired: desired.subscribe(),
    };
    (Controller { stop, desired }, control)
}

impl Controller {
    /// Stops the server; requests in flight have `grace` to finish.
    pub fn stop(&self, grace: Duration) {
        self.stop.send_replace(Some(grace));
    }

    /// Loads the component again in every worker, and loses no request. If the new one does not
    /// load, the old one keeps serving. Calls during a reload become one further reload, before
    /// which that one is given up where it seems to hang.
    ///
    /// A component in Rust has no workers: nothing happens.
    pub fn reload(&self) {
        self.desired.send_modify(|desired| desired.reloads += 1);
    }

    /// Gives every pool `by` workers more, or fewer if it is negative; each keeps at least one.
    pub fn resize(&self, by: i64) {
        self.desired
            .send_modify(|desired| desired.extra_workers += by);
    }
}

impl Control {
    /// Waits for [`Controller::stop`] and returns the grace. Never returns if every [`Controller`]
    /// is dropped without it.
    pub async fn stopped(&mut self) -> Duration {
        let grace = self
            .stop
            .wait_for(Option::is_some)
            .await
            .map(|grace| grace.unwrap_or_default());
        match grace {
            Ok(grace) => grace,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the component is to be loaded once more than so often.
    #[cfg(feature = "python")]
    pub(crate) async fn reload_after(&mut self, reloads: u64) {
        let newer = self.desired.wait_for(|desired| desired.reloads != reloads);
        if newer.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until the desired state differs from `current`.
    #[cfg(feature = "python")]
    pub(crate) async fn desired(&mut self, current: DesiredState) -> DesiredState {
        let changed = self.desired.wait_for(|desired| *desired != current);
        // The lock that comes with it must not be held over another wait.
        match changed.await.map(|desired| *desired) {
            Ok(desired) => desired,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Follows the signals that users of gunicorn know: TERM stops the server with `grace`, INT and
/// QUIT without; HUP reloads; TTIN and TTOU give each pool one worker more or fewer. A further
/// TERM, INT or QUIT, a second or more after the first, ends the process at once, with the exit
/// code that a shell reports for the signal.
///
/// # Errors
///
/// When the system refuses a signal handler.
pub fn on_signals(controller: Controller, grace: Duration) -> std::io::Result<()> {
    // TTIN and TTOU have no constructor of their own.
    let raw = |number: rustix::process::Signal| signal(SignalKind::from_raw(number.as_raw()));
    let mut more = raw(rustix::process::Signal::TTIN)?;
    let mut fewer = raw(rustix::process::Signal::TTOU)?;
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    let mut hup = signal(SignalKind::hangup())?;
    let mut user1 = signal(SignalKind::user_defined1())?;
    let mut user2 = signal(SignalKind::user_defined2())?;
    tokio::spawn(async move {
        let mut first = None;
        loop {
            let (name, kind, grace) = tokio::select! {
                _ = term.recv() => ("SIGTERM", SignalKind::terminate(), grace),
                _ = int.recv() => ("SIGINT", SignalKind::interrupt(), Duration::ZERO),
                _ = quit.recv() => ("SIGQUIT", SignalKind::quit(), Duration::ZERO),
                _ = hup.recv() => {
                    tracing::info!("SIGHUP: reloading all workers");
                    controller.reload();
                    continue;
                }
                // gunicorn's users send them; without a handler they would end the process.
                _ = user1.recv() => {
                    tracing::info!("SIGUSR1: ignored, the log goes to standard error");
                    continue;
                }
                _ = user2.recv() => {
                    tracing::info!("SIGUSR2: ignored, replace the pod or send HUP");
                    continue;
                }
                _ = more.recv() => {
                    tracing::info!("SIGTTIN: adding a worker");
                    controller.resize(1);
                    continue;
                }
                _ = fewer.recv() => {
                    tracing::info!("SIGTTOU: removing a worker");
                    controller.resize(-1);
                    continue;
                }
            };
            if let Some(first) = first {
                if is_repeated(first, Instant::now()) {
                    tracing::info!("{name} again within {REPEATED:?}: already stopping");
                    continue;
                }
                tracing::warn!("{name} again: stopping at once");
                #[cfg(feature = "python")]
                streeling_python::remove_packages();
                streeling_tracing::flush_streams();
                std::process::exit(128 + kind.as_raw_value());
            }
            first = Some(Instant::now());
            tracing::info!("{name}: stopping, requests in flight have {grace:?}");
            controller.stop(grace);
        }
    });
    Ok(())
}

/// Whether a signal to stop at `now` means what the one at `first` did.
fn is_repeated(first: Instant, now: Instant) -> bool {
    now.saturating_duration_since(first) < REPEATED
}

#[cfg(all(test, feature = "python"))]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_a_further_one_after_a_second() {
        let first = Instant::now();
        for (after, repeated) in [(0, true), (999, true), (1000, false), (86_400_000, false)] {
            let now = first + Duration::from_millis(after);
            assert_eq!(is_repeated(first, now), repeated, "{after} ms");
        }
    }

    #[tokio::test]
    async fn changes_that_wait_are_carried_out_together() {
        let (controller, mut control) = controller();
        controller.reload();
        controller.reload();
        controller.resize(1);
        controller.resize(-3);
        let desired = control.desired(DesiredState::default()).await;
        assert_eq!((desired.reloads, desired.extra_workers), (2, -2));
        tokio::select! {
            biased;
            further = control.desired(desired) => panic!("{further:?}"),
            () = std::future::ready(()) => {}
        }
    }
}
