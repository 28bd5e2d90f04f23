//! What a running server is told: to end, to load anew, to have more or fewer workers.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Tells every [`Control`] made with it what to do.
#[derive(Clone, Debug)]
pub struct Controller {
    end: watch::Sender<Option<Duration>>,
    orders: watch::Sender<Orders>,
}

/// The side of the server, which is told.
#[derive(Clone, Debug)]
pub struct Control {
    end: watch::Receiver<Option<Duration>>,
    #[cfg(feature = "python")]
    orders: watch::Receiver<Orders>,
}

/// All that was ordered so far. Sums, so that orders that come while one is carried out become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    /// How often the component is to be loaded anew.
    pub(crate) reloads: u64,
    /// Workers that each pool is to have above what it started with.
    pub(crate) more: i64,
}

/// A connected pair.
#[must_use]
pub fn controller() -> (Controller, Control) {
    let (end, is_to_end) = watch::channel(None);
    let orders = watch::Sender::new(Orders::default());
    let control = Control {
        end: is_to_end,
        #[cfg(feature = "python")]
        orders: orders.subscribe(),
    };
    (Controller { end, orders }, control)
}

impl Controller {
    /// Ends the server; requests under way have `grace` to be answered.
    pub fn stop(&self, grace: Duration) {
        self.end.send_replace(Some(grace));
    }

    /// Loads the component anew in every worker, with no request lost. Where the new one does not load,
    /// the old one goes on. What is ordered while a reload is under way becomes one more.
    ///
    /// A component in Rust has no workers, and nothing happens.
    pub fn reload(&self) {
        self.orders.send_modify(|orders| orders.reloads += 1);
    }

    /// Gives every pool so many workers more, or fewer if it is negative; each keeps at least one.
    pub fn resize(&self, by: i64) {
        self.orders.send_modify(|orders| orders.more += by);
    }
}

impl Control {
    /// Waits until the server is to end; gives the grace. Never returns when every [`Controller`]
    /// was dropped without a word.
    pub async fn stopped(&mut self) -> Duration {
        let told = self
            .end
            .wait_for(Option::is_some)
            .await
            .map(|grace| grace.unwrap_or_default());
        match told {
            Ok(grace) => grace,
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the orders are others than `done`.
    #[cfg(feature = "python")]
    pub(crate) async fn ordered(&mut self, done: Orders) -> Orders {
        match self.orders.wait_for(|orders| *orders != done).await {
            Ok(orders) => *orders,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Obeys the signals that gunicorn's users know: TERM ends with `grace`, INT and QUIT without; HUP loads
/// anew; TTIN and TTOU give each pool a worker more or fewer. A second one of those that end the
/// server ends the process at once, with the exit code that a shell gives for it.
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
        let mut ending = false;
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
                // To gunicorn they mean something; unhandled they would end the process.
                _ = user1.recv() => {
                    tracing::info!("SIGUSR1: nothing to do, the log goes to standard error");
                    continue;
                }
                _ = user2.recv() => {
                    tracing::info!("SIGUSR2: nothing to do, replace the pod or send HUP");
                    continue;
                }
                _ = more.recv() => {
                    tracing::info!("SIGTTIN: a worker more");
                    controller.resize(1);
                    continue;
                }
                _ = fewer.recv() => {
                    tracing::info!("SIGTTOU: a worker fewer");
                    controller.resize(-1);
                    continue;
                }
            };
            if ending {
                tracing::warn!("{name} again: ending at once");
                streeling_tracing::flush_log();
                std::process::exit(128 + kind.as_raw_value());
            }
            ending = true;
            tracing::info!("{name}: ending, requests under way have {grace:?}");
            controller.stop(grace);
        }
    });
    Ok(())
}

#[cfg(all(test, feature = "python"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn orders_that_wait_become_one() {
        let (controller, mut control) = controller();
        controller.reload();
        controller.reload();
        controller.resize(1);
        controller.resize(-3);
        let orders = control.ordered(Orders::default()).await;
        assert_eq!((orders.reloads, orders.more), (2, -2));
        let none_left = tokio::time::timeout(Duration::from_millis(20), control.ordered(orders));
        assert!(none_left.await.is_err());
    }
}
