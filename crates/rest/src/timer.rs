//! The clock of a connection: how long the head of its next request may take.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt;
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

/// Hyper's timer for one connection, all of whose sleeps have the same task and nearly the same
/// length.
///
/// Hyper starts a sleep for every request's head, and drops it when the head has come: a timer of
/// the runtime is made, registered and removed again for nothing. Here it stays registered until it
/// fires, and only then is moved to where the latest sleep ends.
#[derive(Clone, Default)]
pub(crate) struct Timer(Arc<Mutex<Registered>>);

/// The runtime's timer: where there is one, it is registered, or has fired.
type Registered = Option<Pin<Box<Sleep>>>;

impl rt::Timer for Timer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn rt::Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn rt::Sleep>> {
        Box::pin(Until {
            timer: self.clone(),
            deadline,
        })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

/// One sleep.
struct Until {
    timer: Timer,
    deadline: Instant,
}

impl rt::Sleep for Until {}

impl Future for Until {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let registered = &self.timer.0;
        let mut registered = registered.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = self.deadline.into();
        let sleep = match &mut *registered {
            Some(sleep) if !sleep.is_elapsed() && sleep.deadline() <= deadline => {
                return Poll::Pending;
            }
            Some(sleep) => {
                sleep.as_mut().reset(deadline);
                sleep
            }
            none => none.insert(Box::pin(tokio::time::sleep_until(deadline))),
        };
        // It must be registered when it is pending, however much the task has done already.
        pin!(unconstrained(sleep.as_mut())).poll(context)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use hyper::rt::Timer as _;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn a_sleep_ends_in_time_whatever_came_before_it() {
        let timer = Timer::default();
        let start = timer.now();
        for _ in 0..25 {
            // As a request whose head comes after a second.
            let mut head = timer.sleep(LENGTH);
            tokio::select! {
                () = head.as_mut() => panic!("it is not over"),
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
        timer.sleep(LENGTH).await;
        assert_eq!(timer.now() - start, Duration::from_secs(25) + LENGTH);
        // It fires while no sleep is polled.
        drop(timer.sleep(LENGTH));
        tokio::time::sleep(2 * LENGTH).await;
        let start = timer.now();
        timer.sleep(LENGTH).await;
        assert_eq!(timer.now() - start, LENGTH);
        // A shorter one than the one before.
        let mut long = timer.sleep(LENGTH);
        assert!(long.as_mut().now_or_never().is_none());
        let start = timer.now();
        timer.sleep(LENGTH / 2).await;
        assert_eq!(timer.now() - start, LENGTH / 2);
    }
}
