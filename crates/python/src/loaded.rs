//! The component as it was loaded.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use streeling_core::{Error, ErrorKind, Result, Wants};

use crate::lock::lock;
use crate::methods::Methods;
use crate::worker::Ready;

/// The component as the newest worker has loaded it.
#[derive(Default)]
pub(crate) struct LoadedComponent {
    /// [`Methods`] and [`LoadedComponent::KNOWN`]: read for every request, so without a lock.
    methods: AtomicU32,
    ready: Mutex<Option<Arc<Ready>>>,
}

impl LoadedComponent {
    /// The bits of [`Wants`], above those of the methods.
    const HEAD: u32 = 1 << 28;
    const BODY: u32 = 1 << 29;
    const PAGES: u32 = 1 << 30;

    /// Distinguishes a component without any method from none.
    const KNOWN: u32 = 1 << 31;

    pub(crate) fn set(&self, ready: Ready) {
        let wants = ready.wants();
        let methods = [
            (wants.head, Self::HEAD),
            (wants.body, Self::BODY),
            (wants.pages, Self::PAGES),
        ]
        .into_iter()
        .filter(|(is_wanted, _)| *is_wanted)
        .fold(ready.methods.bits() | Self::KNOWN, |bits, (_, bit)| {
            bits | bit
        });
        *lock(&self.ready) = Some(Arc::new(ready));
        self.methods.store(methods, Ordering::Release);
    }

    /// What the class defines; [`ErrorKind::NotReady`] before the first worker has loaded it.
    pub(crate) fn methods(&self) -> Result<Methods> {
        match self.methods.load(Ordering::Acquire) {
            0 => Err(not_ready()),
            bits => Ok(Methods::from_bits(bits)),
        }
    }

    /// What it wants to see of a request beside its message; nothing before the first worker has
    /// loaded it.
    pub(crate) fn wants(&self) -> Wants {
        let bits = self.methods.load(Ordering::Acquire);
        Wants {
            head: bits & Self::HEAD != 0,
            body: bits & Self::BODY != 0,
            pages: bits & Self::PAGES != 0,
        }
    }

    /// All that is known of it; [`ErrorKind::NotReady`] before the first worker has loaded it.
    pub(crate) fn ready(&self) -> Result<Arc<Ready>> {
        lock(&self.ready).clone().ok_or_else(not_ready)
    }
}

fn not_ready() -> Error {
    Error::new(
        ErrorKind::NotReady,
        "the component is still being loaded; try again later",
    )
}
