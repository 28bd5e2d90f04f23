//! How decoders take memory of the [budget](crate::Budget).

use std::cell::{Cell, RefCell};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{Charge, REQUEST};

/// What a decoder takes at once, when it needs more than it has.
const STEP: usize = 64 * 1024;

/// What a message may take decoded for each of its bytes, and beside that whatever its size. The
/// shortest of what a message can have many of, an empty message in a list, takes a hundred times
/// its bytes; the 65,536 of them that a list may well have take half of `FREE`.
const TIMES: usize = 16;
const FREE: usize = 64 << 20;

/// What one decoder takes: asked before it allocates.
#[derive(Debug)]
pub struct Meter {
    /// Bytes that need not be asked for.
    left: Cell<usize>,
    /// Where more of them come from.
    charge: RefCell<Option<Charge>>,
    /// Bytes of the message.
    message: usize,
}

impl Meter {
    /// A meter for a request's message of so many bytes; the first bytes are free.
    #[must_use]
    pub fn new(charge: Charge, message: usize) -> Self {
        Self {
            left: Cell::new(REQUEST),
            charge: RefCell::new(Some(charge)),
            message,
        }
    }

    /// One that gives whatever it is asked for.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            left: Cell::new(usize::MAX),
            charge: RefCell::new(None),
            message: 0,
        }
    }

    /// Takes bytes that are about to be allocated.
    ///
    /// # Errors
    ///
    /// As [`Charge::grow`]; also [`ErrorKind::TooLarge`] for a message that takes more than a small
    /// multiple of its bytes.
    #[inline]
    pub fn take(&self, bytes: usize) -> Result<()> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => self.take_more(bytes),
        }
    }

    #[cold]
    fn take_more(&self, bytes: usize) -> Result<()> {
        let mut charge = self.charge.borrow_mut();
        let Some(charge) = &mut *charge else {
            return Ok(());
        };
        let most = FREE.saturating_add(TIMES.saturating_mul(self.message));
        if charge.bytes().saturating_add(bytes) > most {
            return Err(too_dense(self.message, most));
        }
        let step = bytes.max(STEP);
        // Where a whole step is not to be had, the bytes alone may be.
        let step = match charge.grow(step) {
            Ok(()) => step,
            Err(_) if step > bytes => charge.grow(bytes).map(|()| bytes)?,
            Err(error) => return Err(error),
        };
        self.left.set(self.left.get() + step - bytes);
        Ok(())
    }

    /// What was taken; `None` where that was free.
    #[must_use]
    pub fn into_charge(self) -> Option<Charge> {
        let charge = self.charge.into_inner();
        charge.filter(|charge| charge.bytes() > 0)
    }
}

#[cold]
fn too_dense(message: usize, most: usize) -> Error {
    let text = format!(
        "{message} bytes stand for more than {most} bytes of memory, allowed are {TIMES} for each \
         byte and {FREE} beside them"
    );
    Error::new(ErrorKind::TooLarge, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::memory::{Budget, Use};

    const MIB: usize = 1 << 20;

    #[test]
    fn a_meter_takes_in_steps_and_stops_before_the_limit() {
        let budget = Budget::new(MIB);
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0), MIB);
        meter.take(REQUEST).unwrap();
        assert_eq!(budget.used(), 0);
        let mut taken = 0;
        while meter.take(100).is_ok() {
            taken += 100;
            assert!(budget.used() >= taken && budget.used() <= MIB);
        }
        assert!(taken > MIB - 200, "{taken}");
        assert_eq!(meter.take(100).unwrap_err().kind, ErrorKind::TooLarge);
        let charge = meter.into_charge().unwrap();
        assert!(charge.bytes() >= taken);
        drop(charge);
        assert_eq!(budget.used(), 0);
        assert!(
            Meter::new(budget.account().charge(Use::Decoded, 0), MIB)
                .into_charge()
                .is_none()
        );
        Meter::unlimited().take(usize::MAX).unwrap();
        Meter::unlimited().take(usize::MAX).unwrap();
    }

    #[test]
    fn a_message_takes_no_more_than_a_small_multiple_of_its_bytes() {
        let budget = Budget::new(usize::MAX);
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0), MIB);
        for _ in 0..80 {
            meter.take(MIB).unwrap();
        }
        let error = meter.take(MIB).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(
            error.info.contains("1048576 bytes stand for more"),
            "{error}"
        );
        let whole = Meter::new(budget.account().charge(Use::Decoded, 0), usize::MAX);
        whole.take(usize::MAX / 2).unwrap();
    }
}
