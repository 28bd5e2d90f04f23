//! Shapes with free sides.

use std::fmt;

/// A shape of which some sides are free; the first is that of the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape(pub(crate) Vec<Option<usize>>);

impl Shape {
    /// Whether an array of this shape fits, but for the number of its rows.
    pub(crate) fn fits(&self, shape: &[usize]) -> bool {
        self.0.len() == shape.len()
            && self.0[1..]
                .iter()
                .zip(&shape[1..])
                .all(|(side, found)| side.is_none_or(|side| side == *found))
    }

    /// For metadata: a free side is -1, and that of the rows always is.
    pub(crate) fn described(&self) -> Vec<i64> {
        let side = |side: &Option<usize>| side.and_then(|side| i64::try_from(side).ok());
        let mut sides: Vec<i64> = self.0.iter().map(|one| side(one).unwrap_or(-1)).collect();
        sides[0] = -1;
        sides
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(n")?;
        for side in &self.0[1..] {
            match side {
                Some(side) => write!(f, ", {side}")?,
                None => f.write_str(", any")?,
            }
        }
        f.write_str(")")
    }
}

/// An array's own shape, as NumPy writes it.
pub(crate) fn written(shape: &[usize]) -> String {
    let sides: Vec<String> = shape.iter().map(ToString::to_string).collect();
    match &sides[..] {
        [one] => format!("({one},)"),
        _ => format!("({})", sides.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_side_is_of_the_rows_whatever_it_says() {
        let shape = Shape(vec![Some(1), None, Some(4)]);
        assert_eq!(shape.to_string(), "(n, any, 4)");
        assert_eq!(shape.described(), [-1, -1, 4]);
        assert!(shape.fits(&[9, 9, 4]) && shape.fits(&[0, 9, 4]));
        assert!(!shape.fits(&[9, 9, 5]) && !shape.fits(&[9, 4]) && !shape.fits(&[]));
        assert_eq!(
            (written(&[]), written(&[3]), written(&[2, 3])),
            ("()".to_owned(), "(3,)".to_owned(), "(2, 3)".to_owned())
        );
    }
}
