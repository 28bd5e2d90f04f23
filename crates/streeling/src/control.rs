//! How a running server is controlled: stopped, reloaded, given more or fewer workers.

use std::time::{Duration, Instant};

use rustix::process::Signal;
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
    /// How often what is inside is to be logged.
    inspections: watch::Sender<u64>,
}

/// The server's side of a [`Controller`].
#[derive(Clone, Debug)]
pub struct Control {
    stop: watch::Receiver<Option<Duration>>,
    #[cfg(feature = "python")]
    desired: watch::Receiver<DesiredState>,
    /// Clients of the Open Inference Protocol may request a reload, too.
    #[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
    requests: watch::Sender<DesiredState>,
    inspections: watch::Receiver<u64>,
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
    let inspections = watch::Sender::new(0);
    let control = Control {
        stop: stopped,
        inspections: inspections.subscribe(),
        #[cfg(feature = "python")]
        desired: desired.subscribe(),
        #[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
        requests: desired.clone(),
    };
    let controller = Controller {
        stop,
        desired,
        inspections,
    };
    (controller, control)
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

    /// Logs which requests are inside and how the workers are, with the Python stacks of those that
    /// are busy. Calls while that is done become one further time.
    pub fn inspect(&self) {
        self.inspections.send_modify(|count| *count += 1);
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

    /// Changes with every [`Controller::inspect`].
    pub(crate) fn inspections(&self) -> watch::Receiver<u64> {
        self.inspections.clone()
    }

    /// Waits until the component is to be loaded once more than so often.
    #[cfg(feature = "python")]
    pub(crate) async fn reload_after(&mut self, reloads: u64) {
        let newer = self.desired.wait_for(|desired| desired.reloads != reloads);
        if newer.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Does what [`Controller::reload`] does.
    #[cfg(all(feature = "oip", any(feature = "rest", feature = "grpc")))]
    pub(crate) fn reload(&self) -> crate::oip::Reload {
        let requests = self.requests.clone();
        std::sync::Arc::new(move || requests.send_modify(|desired| desired.reloads += 1))
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

/// Has signals that by default end or stop a process do nothing until [`on_signals`] follows them:
/// they may come as soon as there is a process to send them to. Those that are to end it do so.
pub(crate) fn hold_signals() {
    // What is registered outlives the runtime.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    // The runtime that the server needs, and its signals, fail for the same reason, and say so.
    let Ok(runtime) = runtime else { return };
    let _entered = runtime.enter();
    for kind in [Signal::USR1, Signal::USR2, Signal::TTIN, Signal::TTOU] {
        let _ = signal(SignalKind::from_raw(kind.as_raw()));
    }
}

/// Follows the signals that users of gunicorn know: TERM stops the server with `grace`, INT and
/// QUIT without; HUP reloads; USR1 logs what is inside; TTIN and TTOU give each pool one worker
/// more or fewer. A further TERM, INT or QUIT, a second or more after the first, ends the process
/// at once, with the exit code that a shell reports for the signal.
///
/// # Errors
///
/// When the system refuses a signal handler.
pub fn on_signals(controller: Controller, grace: Duration) -> std::io::Result<()> {
    // TTIN and TTOU have no constructor of their own.
    let raw = |number: Signal| signal(SignalKind::from_raw(number.as_raw()));
    let mut more = raw(Signal::TTIN)?;
    let mut fewer = raw(Signal::TTOU)?;
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
                _ = user1.recv() => {
                    controller.inspect();
                    continue;
                }
                // gunicorn's users send it; without a handler it would end the process.
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

    /// Without it the signals would end this program.
    #[test]
    fn signals_that_come_before_they_are_followed_end_nothing() {
        hold_signals();
        let own = rustix::process::getpid();
        for signal in [Signal::USR1, Signal::USR2] {
            rustix::process::kill_process(own, signal).unwrap();
        }
        // And a runtime that is made later follows them.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut user1 = signal(SignalKind::user_defined1()).unwrap();
            rustix::process::kill_process(own, Signal::USR1).unwrap();
            user1.recv().await.unwrap();
        });
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
