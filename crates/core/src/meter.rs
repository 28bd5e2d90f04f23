//! How decoders take memory of the [budget](crate::Budget).

use std::cell::{Cell, RefCell};

use crate::error::Result;
use crate::memory::{Charge, REQUEST};

/// What a decoder takes at once, when it needs more than it has.
const STEP: usize = 64 * 1024;

/// What one decoder takes: asked before it allocates.
#[derive(Debug)]
pub struct Meter {
    /// Bytes that need not be asked for.
    left: Cell<usize>,
    /// Where more of them come from.
    charge: RefCell<Option<Charge>>,
}

impl Meter {
    /// A meter for a request's message; the first bytes are free.
    #[must_use]
    pub fn new(charge: Charge) -> Self {
        Self {
            left: Cell::new(REQUEST),
            charge: RefCell::new(Some(charge)),
        }
    }

    /// One that gives whatever it is asked for.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            left: Cell::new(usize::MAX),
            charge: RefCell::new(None),
        }
    }

    /// Takes bytes that are about to be allocated.
    ///
    /// # Errors
    ///
    /// As [`Charge::grow`].
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::memory::{Budget, Use};

    const MIB: usize = 1 << 20;

    #[test]
    fn a_meter_takes_in_steps_and_stops_before_the_limit() {
        let budget = Budget::new(MIB);
        let meter = Meter::new(budget.account().charge(Use::Decoded, 0));
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
            Meter::new(budget.account().charge(Use::Decoded, 0))
                .into_charge()
                .is_none()
        );
        Meter::unlimited().take(usize::MAX).unwrap();
        Meter::unlimited().take(usize::MAX).unwrap();
    }
}
