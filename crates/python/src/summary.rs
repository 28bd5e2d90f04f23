//! What a request holds, for reports on it.

use std::fmt;

use streeling_core::{Array, Elements, Payload};

/// Sides of an array that a report shows.
const SIDES: usize = 4;

/// What the first message of a request holds. Every request has one while it is queued or in
/// flight, so it is small, and nothing is written down before somebody wants to read it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Summary {
    kind: &'static str,
    /// The first sides of an array of one dtype, and how many it has.
    sides: [u32; SIDES],
    ndim: u32,
    /// Bytes on the way to the worker.
    pub(crate) bytes: usize,
}

impl Summary {
    /// Of something that has no sides.
    pub(crate) fn of_kind(kind: &'static str) -> Self {
        Self {
            kind,
            ..Self::default()
        }
    }

    pub(crate) fn new(payload: &Payload) -> Self {
        let kind = match payload {
            Payload::None => "nothing",
            Payload::Array(Array {
                elements: Elements::Typed(tensor),
                ..
            }) => return Self::of_shape(tensor.shape()),
            Payload::Array(_) => "a list",
            Payload::Named(_) | Payload::Columns(_) => "several inputs",
            Payload::Text(_) | Payload::Quoted(_) => "text",
            Payload::Bytes(_) => "bytes",
            Payload::Json(_) => "JSON",
            Payload::Any { .. } => "customData",
            Payload::Opaque(_) => "a whole body",
        };
        Self::of_kind(kind)
    }

    fn of_shape(shape: &[usize]) -> Self {
        let mut sides = [0; SIDES];
        for (kept, side) in sides.iter_mut().zip(shape) {
            *kept = u32::try_from(*side).unwrap_or(u32::MAX);
        }
        Self {
            kind: "",
            sides,
            ndim: u32::try_from(shape.len()).unwrap_or(u32::MAX),
            bytes: 0,
        }
    }
}

/// As NumPy writes a shape; what has none, by what it is.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.kind.is_empty() {
            return f.write_str(self.kind);
        }
        let ndim = self.ndim as usize;
        let end = match ndim {
            1 => ",)",
            0..=SIDES => ")",
            _ => ", …)",
        };
        f.write_str("(")?;
        for (at, side) in self.sides.iter().take(ndim).enumerate() {
            let before = if at == 0 { "" } else { ", " };
            write!(f, "{before}{side}")?;
        }
        f.write_str(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_written_as_numpy_does() {
        for (shape, expected) in [
            (&[][..], "()"),
            (&[3], "(3,)"),
            (&[3, 4], "(3, 4)"),
            (&[1, 3, 224, 224], "(1, 3, 224, 224)"),
            (&[1, 2, 3, 4, 5], "(1, 2, 3, 4, …)"),
        ] {
            assert_eq!(Summary::of_shape(shape).to_string(), expected);
        }
    }

    #[test]
    fn what_has_no_shape_is_named() {
        let text = Summary::new(&Payload::Text("x".to_owned()));
        assert_eq!(text.to_string(), "text");
        assert_eq!(Summary::new(&Payload::None).to_string(), "nothing");
    }
}
