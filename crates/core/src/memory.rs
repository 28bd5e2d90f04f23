//! The budget for bytes that requests under way take in the server.
//!
//! What comes from a client is counted before memory is allocated for it, and so is what is made of
//! it. A request that cannot be given more is refused, and none waits, so none can block another.
//! All of it goes back when its memory is freed: a [`Charge`] lives as long as the bytes that it
//! stands for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::sample::Sample;

/// What a request counts beside its bytes: its head, its context, its place in queues, and messages
/// so small that they are not counted one by one.
pub const REQUEST: usize = 8 * 1024;

/// From this many bytes on, a body is counted for as long as its own memory lives; a smaller one is
/// a part of its request.
pub const LARGE: usize = 8 * 1024;

/// A request of at most this much is let in where larger ones no longer are.
const SMALL: usize = 64 * 1024 + REQUEST;

/// What bytes are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Requests as they came.
    Received,
    /// What is made of them.
    Decoded,
    /// Responses, from the component to the client.
    Response,
}

/// Why bytes are not given.
#[derive(Clone, Copy)]
enum Refusal {
    /// There never will be so many.
    TooLarge(usize),
    /// There are not so many now.
    Full,
    /// The connection has its share.
    Share(usize),
}

/// How many bytes requests under way may take, and how many they do. Clones share it.
///
/// Requests of more than 64 KiB are let in up to three quarters of the limit and smaller ones up to
/// seven eighths, so that large ones that come slowly cannot keep small ones out; the rest is for
/// what has been let in, as it is decoded and responded to. A connection on which several requests
/// are under way may take as much as is left free for all others, or else an eighth of the limit.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    limit: AtomicUsize,
    used: AtomicUsize,
    /// What of it is for each use but the first.
    decoded: AtomicUsize,
    responses: AtomicUsize,
    too_large: AtomicU64,
    full: AtomicU64,
    share: AtomicU64,
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Counts {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
            decoded: AtomicUsize::new(0),
            responses: AtomicUsize::new(0),
            too_large: AtomicU64::new(0),
            full: AtomicU64::new(0),
            share: AtomicU64::new(0),
        }))
    }

    /// Changes the limit; what has been given stays given.
    pub fn set_limit(&self, limit: usize) {
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    /// Bytes that may be taken.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// The account of a connection.
    #[must_use]
    pub fn account(&self) -> Account {
        Account(Arc::new(Owner {
            budget: self.clone(),
            used: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
        }))
    }

    /// Adds its numbers to a scrape.
    #[expect(
        clippy::cast_precision_loss,
        reason = "samples are floats, and exact up to 2^53"
    )]
    pub fn samples(&self, out: &mut Vec<Sample>) {
        let counts = &*self.0;
        out.push(Sample {
            name: "streeling_memory_limit_bytes",
            help: "Bytes that requests under way may take in the server (--max-memory).",
            labels: Vec::new(),
            value: self.limit() as f64,
        });
        let load = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (decoded, responses) = (load(&counts.decoded), load(&counts.responses));
        let received = self.used().saturating_sub(decoded + responses);
        let uses = [
            ("received", received),
            ("decoded", decoded),
            ("response", responses),
        ];
        for (name, bytes) in uses {
            out.push(Sample {
                name: "streeling_memory_used_bytes",
                help: "Bytes that requests under way take in the server.",
                labels: vec![("use", name.into())],
                value: bytes as f64,
            });
        }
        for (reason, count) in [
            ("too_large", &counts.too_large),
            ("full", &counts.full),
            ("share", &counts.share),
        ] {
            out.push(Sample {
                name: "streeling_memory_refused_total",
                help: "Requests that were refused for want of memory: they would never fit, it \
                       was in use, or their connection had its share.",
                labels: vec![("reason", reason.into())],
                value: count.load(Ordering::Relaxed) as f64,
            });
        }
    }

    /// Bytes up to which a use may fill the budget with a request that has `size` in all.
    fn bound(&self, of: Use, size: usize) -> usize {
        let limit = self.limit();
        match of {
            Use::Received if size > SMALL => limit - limit / 4,
            Use::Received => limit - limit / 8,
            Use::Decoded | Use::Response => limit,
        }
    }

    fn give_back(&self, of: Use, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some(count) = self.count(of) {
            count.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn count(&self, of: Use) -> Option<&AtomicUsize> {
        match of {
            Use::Received => None,
            Use::Decoded => Some(&self.0.decoded),
            Use::Response => Some(&self.0.responses),
        }
    }

    #[cold]
    fn refusal(&self, of: Use, size: usize, refusal: Refusal) -> Error {
        let limit = self.limit();
        let what = match of {
            Use::Received => "the request",
            Use::Decoded => "the decoded request",
            Use::Response => "the response",
        };
        let (count, kind, info) = match refusal {
            Refusal::TooLarge(bound) => (
                &self.0.too_large,
                ErrorKind::TooLarge,
                format!(
                    "{what} takes {size} bytes of memory or more, allowed are {bound} of the \
                     server's {limit} (--max-memory, STREELING_MAX_MEMORY)"
                ),
            ),
            Refusal::Full => (
                &self.0.full,
                ErrorKind::MemoryFull,
                format!(
                    "{what} takes {size} bytes of memory, and requests under way take {} of the \
                     server's {limit} already (--max-memory, STREELING_MAX_MEMORY); try again \
                     later",
                    self.used()
                ),
            ),
            Refusal::Share(used) => (
                &self.0.share,
                ErrorKind::MemoryFull,
                format!(
                    "{what} takes {size} bytes of memory, and this connection's requests take \
                     {used} of the server's {limit} already (--max-memory, STREELING_MAX_MEMORY); \
                     try again later"
                ),
            ),
        };
        count.fetch_add(1, Ordering::Relaxed);
        Error::new(kind, info)
    }
}

impl Default for Budget {
    /// Without a limit.
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

/// What a connection takes of a budget. Clones share it.
#[derive(Clone, Debug)]
pub struct Account(Arc<Owner>);

#[derive(Debug)]
struct Owner {
    budget: Budget,
    used: AtomicUsize,
    /// Requests under way.
    requests: AtomicUsize,
}

impl Account {
    /// The charge of a request that starts: nothing yet.
    #[must_use]
    pub fn request(&self) -> Charge {
        self.0.requests.fetch_add(1, Ordering::Relaxed);
        Charge {
            account: self.clone(),
            of: Use::Received,
            bytes: 0,
            beside: 0,
            is_request: true,
        }
    }

    /// A charge of something else than the start of a request, which takes `beside` already.
    #[must_use]
    pub fn charge(&self, of: Use, beside: usize) -> Charge {
        Charge {
            account: self.clone(),
            of,
            bytes: 0,
            beside,
            is_request: false,
        }
    }

    fn take(&self, of: Use, size: usize, more: usize) -> std::result::Result<(), Refusal> {
        let Owner {
            budget,
            used,
            requests,
        } = &*self.0;
        let bound = budget.bound(of, size);
        if size > bound {
            return Err(Refusal::TooLarge(bound));
        }
        let in_all = budget.0.used.fetch_add(more, Ordering::Relaxed) + more;
        if in_all > bound {
            budget.0.used.fetch_sub(more, Ordering::Relaxed);
            // What its parts take in all is not known where they live on by themselves. An account
            // without requests is of many: a worker's responses.
            let is_alone = requests.load(Ordering::Relaxed) == 1;
            if is_alone && used.load(Ordering::Relaxed) + more > bound {
                return Err(Refusal::TooLarge(bound));
            }
            return Err(Refusal::Full);
        }
        let before = used.fetch_add(more, Ordering::Relaxed);
        if before > 0 && requests.load(Ordering::Relaxed) > 1 {
            let (limit, mine) = (budget.limit(), before + more);
            if mine > limit / 8 && mine > limit - in_all.min(limit) {
                used.fetch_sub(more, Ordering::Relaxed);
                budget.0.used.fetch_sub(more, Ordering::Relaxed);
                return Err(Refusal::Share(before));
            }
        }
        if let Some(count) = budget.count(of) {
            count.fetch_add(more, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Default for Account {
    /// Of a budget without a limit.
    fn default() -> Self {
        Budget::default().account()
    }
}

/// Bytes that are taken, given back when this is dropped.
#[derive(Debug)]
pub struct Charge {
    account: Account,
    of: Use,
    bytes: usize,
    /// What the same request takes beside them.
    beside: usize,
    is_request: bool,
}

impl Charge {
    /// Takes more bytes. An error has taken none.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLarge`] when there will never be so many for one request,
    /// [`ErrorKind::MemoryFull`] when there are not now.
    #[inline]
    pub fn grow(&mut self, more: usize) -> Result<()> {
        let size = (self.beside + self.bytes).saturating_add(more);
        match self.account.take(self.of, size, more) {
            Ok(()) => {
                self.bytes += more;
                Ok(())
            }
            Err(refusal) => Err(self.account.0.budget.refusal(self.of, size, refusal)),
        }
    }

    /// Gives back what is beyond `bytes`.
    pub fn shrink(&mut self, bytes: usize) {
        let less = self.bytes.saturating_sub(bytes);
        self.bytes -= less;
        self.give_back(less);
    }

    /// Makes a charge of its own of so many of the bytes, at most all.
    #[must_use]
    pub fn split(&mut self, bytes: usize) -> Self {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        let mut other = self.account.charge(self.of, 0);
        other.bytes = bytes;
        other
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The connection's account.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Lives as long as the memory of `bytes`, whatever slices are made of them.
    #[must_use]
    pub fn hold(self, bytes: Bytes) -> Bytes {
        /// Bytes and what they are charged as.
        struct Held {
            bytes: Bytes,
            _charge: Charge,
        }
        impl AsRef<[u8]> for Held {
            fn as_ref(&self) -> &[u8] {
                &self.bytes
            }
        }
        Bytes::from_owner(Held {
            bytes,
            _charge: self,
        })
    }

    /// Has what it takes beyond `own` live as long as the memory of `bytes`, if that is much; else
    /// all of it is left here.
    #[must_use]
    pub fn hold_beyond(&mut self, own: usize, bytes: Bytes) -> Bytes {
        let beyond = self.bytes.saturating_sub(own);
        if beyond < LARGE {
            bytes
        } else {
            self.split(beyond).hold(bytes)
        }
    }

    /// As [`Charge::hold`], of just so many bytes as these.
    ///
    /// # Errors
    ///
    /// As [`Charge::grow`].
    pub fn hold_whole(mut self, bytes: Bytes) -> Result<Bytes> {
        self.shrink(bytes.len());
        self.grow(bytes.len() - self.bytes)?;
        Ok(self.hold(bytes))
    }

    fn give_back(&self, bytes: usize) {
        // Most charges for what is decoded are for nothing, as small messages are free.
        if bytes == 0 {
            return;
        }
        let Owner { budget, used, .. } = &*self.account.0;
        used.fetch_sub(bytes, Ordering::Relaxed);
        budget.give_back(self.of, bytes);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.give_back(self.bytes);
        if self.is_request {
            self.account.0.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
