//! What a connection does: whether it is idle, and since when.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, timeout};

use crate::counts::Counts;
use crate::cut::Cut;

/// What one connection does. Its transport reports it here, and hears from it when the connection
/// is to make room for others.
///
/// A connection is idle while it has no request and nothing to send. Bytes that are not yet a
/// request do not count, or a client could keep a place with a byte now and then.
#[derive(Clone, Debug)]
pub struct Activity(Arc<State>);

#[derive(Debug)]
struct State {
    counts: Arc<Counts>,
    opened: Instant,
    /// Requests that have come and are not responded to.
    requests: AtomicUsize,
    /// The client does not take what is being sent.
    is_blocked: AtomicBool,
    /// When it became idle, in microseconds since it was opened.
    idle_since: AtomicU64,
    is_shed: AtomicBool,
    shed: Notify,
}

impl Activity {
    pub(crate) fn new(counts: Arc<Counts>) -> Self {
        Self(Arc::new(State {
            counts,
            opened: Instant::now(),
            requests: AtomicUsize::new(0),
            is_blocked: AtomicBool::new(false),
            idle_since: AtomicU64::new(0),
            is_shed: AtomicBool::new(false),
            shed: Notify::new(),
        }))
    }

    /// A request has come; it is under way until what this returns is dropped.
    #[must_use]
    pub fn request(&self) -> Busy {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Whether there is no request, and nothing to send.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.requests.load(Ordering::Acquire) == 0 && !self.0.is_blocked.load(Ordering::Relaxed)
    }

    /// For how long it has been idle; `None` if it is not.
    pub(crate) fn idle(&self) -> Option<Duration> {
        if !self.is_idle() || self.0.is_shed.load(Ordering::Relaxed) {
            return None;
        }
        let since = Duration::from_micros(self.0.idle_since.load(Ordering::Relaxed));
        Some(self.0.opened.elapsed().saturating_sub(since))
    }

    fn becomes_idle(&self) {
        let since = self.0.opened.elapsed().as_micros();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.0.idle_since.store(since, Ordering::Relaxed);
    }

    /// Asks the connection to make room.
    pub(crate) fn shed(&self) {
        self.0.is_shed.store(true, Ordering::Relaxed);
        self.0.counts.shed();
        self.0.shed.notify_one();
    }

    /// Polls `work` until it is done, or until the connection, which was idle, is to make room for
    /// others: `None`. A request may come in that very moment and is to get its response.
    pub async fn until_shed<F: Future>(&self, work: F) -> Option<F::Output> {
        let mut work = pin!(work);
        // It must have registered the task whenever it is pending.
        let mut shed = pin!(unconstrained(self.0.shed.notified()));
        let mut is_registered = false;
        poll_fn(|context| {
            if let Poll::Ready(output) = work.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            // A connection is polled several times for each of its requests, always by the same
            // task, and registering takes a lock.
            if is_registered && !self.0.is_shed.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            is_registered = true;
            shed.as_mut().poll(context).map(|()| None)
        })
        .await
    }

    /// Polls `connection`, which has been asked to end, until it does: `None` where that takes
    /// longer than `limit` and there is no request, since its client may be gone.
    pub async fn until_idle<F>(&self, mut connection: F, limit: Duration) -> Option<F::Output>
    where
        F: Future + Unpin,
    {
        loop {
            match timeout(limit, &mut connection).await {
                Ok(output) => return Some(output),
                Err(_) if self.is_idle() => return None,
                Err(_) => {}
            }
        }
    }

    /// A request was refused, since the connection has as many as it may have.
    pub fn refused(&self) {
        self.0.counts.refused();
    }

    /// The connection is cut, for what its client does.
    pub fn cut(&self, reason: Cut) {
        self.0.counts.cut(reason);
    }
}

impl Default for Activity {
    /// That of a connection which counts for no limit.
    fn default() -> Self {
        Self::new(Arc::default())
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Busy(Activity);

impl Drop for Busy {
    fn drop(&mut self) {
        // Before the request counts as done, or the connection would seem to be idle since long.
        self.0.becomes_idle();
        self.0.0.requests.fetch_sub(1, Ordering::Release);
    }
}

/// A connection's bytes, which reports whether the client takes what it is sent.
#[derive(Debug)]
pub struct ActiveIo<Io> {
    io: Io,
    activity: Activity,
    is_blocked: bool,
}

impl<Io> ActiveIo<Io> {
    /// Reports to `activity`.
    pub fn new(io: Io, activity: Activity) -> Self {
        Self {
            io,
            activity,
            is_blocked: false,
        }
    }

    fn report<T>(&mut self, result: Poll<T>) -> Poll<T> {
        let is_blocked = result.is_pending();
        if is_blocked != self.is_blocked {
            self.is_blocked = is_blocked;
            self.activity.becomes_idle();
            let shown = &self.activity.0.is_blocked;
            shown.store(is_blocked, Ordering::Relaxed);
        }
        result
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for ActiveIo<Io> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for ActiveIo<Io> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write(context, bytes);
        self.report(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.report(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    /// What lies beneath may hold bytes back that it has taken, as TLS does.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.io).poll_flush(context);
        self.report(result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
