//! Futures whose every step may take long, taken beside the threads that move bytes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use tokio::sync::Notify;

use crate::elsewhere::Elsewhere;
use crate::offload::Offload;

/// Remembers that a future was woken, which may be while it is on another thread.
#[derive(Default)]
struct Woken(Notify);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

impl Offload {
    /// Drives a future that handles about so many bytes: here if that is less than 256 KiB, else
    /// each of its steps as [`Offload::run`] does its work, and its drop, too. While it waits it
    /// takes no thread.
    pub async fn drive<T: Send + 'static>(
        &self,
        bytes: usize,
        future: impl Future<Output = T> + Send + 'static,
    ) -> T {
        if !Self::moves(bytes) {
            return future.await;
        }
        let mut future = Elsewhere::new(Box::pin(future));
        let woken = Arc::new(Woken::default());
        loop {
            let waker = Waker::from(Arc::clone(&woken));
            let step = self.run(bytes, move || {
                match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    Poll::Ready(value) => {
                        // Here, where it may take its time.
                        drop(future.into_inner());
                        Ok(value)
                    }
                    Poll::Pending => Err(future),
                }
            });
            future = match step.await {
                Ok(value) => return value,
                Err(future) => future,
            };
            woken.0.notified().await;
        }
    }
}

impl<F: Future> Elsewhere<Pin<Box<F>>>
where
    F: Send + 'static,
{
    fn as_mut(&mut self) -> Pin<&mut F> {
        self.get_mut().as_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::{self, ThreadId};
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::sleep;

    use super::*;

    const LARGE: usize = 1 << 20;

    /// Where it was polled, and where it was dropped.
    #[derive(Clone, Default)]
    struct Threads(Arc<Mutex<Vec<ThreadId>>>);

    impl Threads {
        fn here(&self) {
            self.0.lock().unwrap().push(thread::current().id());
        }

        fn seen(&self) -> Vec<ThreadId> {
            self.0.lock().unwrap().clone()
        }
    }

    impl Drop for Threads {
        fn drop(&mut self) {
            // The test's own handle is the last.
            if Arc::strong_count(&self.0) > 1 {
                self.here();
            }
        }
    }

    async fn steps(threads: Threads, go: oneshot::Receiver<u8>) -> u8 {
        threads.here();
        let value = go.await.unwrap();
        threads.here();
        sleep(Duration::from_secs(5)).await;
        threads.here();
        value
    }

    #[tokio::test(start_paused = true)]
    async fn large_ones_take_their_steps_elsewhere_and_small_ones_here() {
        let here = thread::current().id();
        for (bytes, is_here) in [(LARGE, false), (10, true)] {
            let (threads, offload) = (Threads::default(), Offload::new());
            let (send, go) = oneshot::channel();
            let driven = offload.drive(bytes, steps(threads.clone(), go));
            let (value, ()) = tokio::join!(driven, async {
                sleep(Duration::from_secs(1)).await;
                send.send(7).unwrap();
            });
            assert_eq!(value, 7);
            let seen = threads.seen();
            assert_eq!(seen.len(), 4, "three steps and the drop");
            assert!(seen.iter().all(|thread| (*thread == here) == is_here));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_given_up_is_dropped_elsewhere() {
        let (threads, offload) = (Threads::default(), Offload::new());
        let (_send, go) = oneshot::channel();
        let driven = offload.drive(LARGE, steps(threads.clone(), go));
        tokio::time::timeout(Duration::from_secs(1), driven)
            .await
            .unwrap_err();
        while threads.seen().len() < 2 {
            sleep(Duration::from_millis(1)).await;
        }
        let here = thread::current().id();
        assert!(threads.seen().iter().all(|thread| *thread != here));
    }

    #[tokio::test]
    #[should_panic(expected = "a step")]
    async fn a_panic_comes_out() {
        Offload::new()
            .drive(LARGE, async { panic!("a step") })
            .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_wake_is_lost() {
        let offload = Offload::new();
        for _ in 0..200 {
            let (send, receive) = oneshot::channel();
            let sent = tokio::spawn(async move { send.send(1).unwrap() });
            let received = offload.drive(LARGE, async { receive.await.unwrap() }).await;
            assert_eq!(received, 1);
            sent.await.unwrap();
        }
    }
}
