use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// A struct that rows write to.
pub(crate) trait Part: Any + Debug {
    /// What it is before any row has written to it. A default counts as written.
    fn blank() -> Self;
}

/// The parts that the settings will be made of, while rows write to them.
///
/// They are found by their types: a row names the part that its value goes to, and does not know
/// the whole. So a struct and the rows of its fields are in one file, which imports neither the
/// settings, made of all these structs, nor those who read the rows.
#[derive(Debug, Default)]
pub(crate) struct Draft(BTreeMap<TypeId, Box<dyn AnyPart>>);

/// A part of whatever type.
trait AnyPart: Any + Debug {}

impl<P: Part> AnyPart for P {}

impl Draft {
    /// A part, to be read or written.
    pub(crate) fn part<P: Part>(&mut self) -> &mut P {
        let entry = self.0.entry(TypeId::of::<P>());
        let part: &mut dyn Any = &mut **entry.or_insert_with(|| Box::new(P::blank()));
        match part.downcast_mut() {
            Some(part) => part,
            None => unreachable!("a part is kept under its own type"),
        }
    }

    /// A part that is finished.
    pub(crate) fn take<P: Part>(&mut self) -> P {
        std::mem::replace(self.part(), P::blank())
    }
}
