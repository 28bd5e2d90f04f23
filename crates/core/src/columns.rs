//! Columns that came one by one, as the array that a component in Rust takes.

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result};
use crate::message::{Array, Elements, Layout, Named, Payload};
use crate::service::Context;
use crate::tensor::Tensor;

/// One array with a column for each input: of their dtype if that is the same, else of floats of 64
/// bits. [`Payload::Named`] where not all of them are numbers that fit these.
///
/// # Errors
///
/// [`ErrorKind::BadData`] when they differ in length; that of the memory.
pub(crate) fn joined(context: &Context, columns: Vec<Named>) -> Result<Payload> {
    let tensors: Option<Vec<&Tensor>> = columns.iter().map(|one| column(&one.payload)).collect();
    let Some(tensors) = tensors else {
        return Ok(Payload::Named(columns));
    };
    let rows = tensors.first().map_or(0, |tensor| tensor.len());
    for (tensor, named) in tensors.iter().zip(&columns) {
        if tensor.len() != rows {
            let info = format!(
                "columns must have the same number of rows: {:?} has {rows}, {:?} has {}",
                columns[0].name,
                named.name,
                tensor.len()
            );
            return Err(Error::new(ErrorKind::BadData, info));
        }
    }
    let size = rows.saturating_mul(tensors.len());
    let meter = context.meter(size);
    // The floats of each column, and the array.
    meter.take(size.saturating_mul(2 * size_of::<f64>()))?;
    let Some(tensor) = of_one_dtype(&tensors, rows).or_else(|| of_floats(&tensors, rows)) else {
        return Ok(Payload::Named(columns));
    };
    context.hold(meter);
    Ok(Payload::Array(Array {
        names: columns.into_iter().map(|one| one.name).collect(),
        layout: Layout::Unset,
        elements: Elements::Typed(tensor),
    }))
}

/// A column that is an array of shape [n] or [n, 1].
fn column(payload: &Payload) -> Option<&Tensor> {
    match payload {
        Payload::Array(Array {
            elements: Elements::Typed(tensor),
            ..
        }) if matches!(tensor.shape(), [_] | [_, 1]) => Some(tensor),
        _ => None,
    }
}

fn of_one_dtype(columns: &[&Tensor], rows: usize) -> Option<Tensor> {
    let dtype = columns.first()?.dtype();
    let size = dtype.size()?;
    if columns.iter().any(|column| column.dtype() != dtype) {
        return None;
    }
    let mut data = Vec::with_capacity(rows * columns.len() * size);
    for row in 0..rows {
        for column in columns {
            data.extend_from_slice(&column.data()[row * size..(row + 1) * size]);
        }
    }
    Tensor::new(dtype, vec![rows, columns.len()], Bytes::from(data)).ok()
}

fn of_floats(columns: &[&Tensor], rows: usize) -> Option<Tensor> {
    let floats: Option<Vec<_>> = columns.iter().map(|column| column.floats()).collect();
    let floats = floats?;
    let rows_of = |row: usize| floats.iter().map(move |column| column[row]);
    let data = (0..rows).flat_map(rows_of).collect();
    Tensor::from_vec(vec![rows, columns.len()], data).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;
    use crate::tensor::DType;

    fn join(columns: Vec<(&str, Payload)>) -> Result<Payload> {
        let columns = columns.into_iter().map(|(name, payload)| Named {
            name: name.to_owned(),
            payload,
        });
        joined(&Context::default(), columns.collect())
    }

    fn array(payload: Payload) -> (Names, Tensor) {
        match payload {
            Payload::Array(Array {
                names,
                elements: Elements::Typed(tensor),
                ..
            }) => (names, tensor),
            other => panic!("{other:?} is no array"),
        }
    }

    fn singles(shape: Vec<usize>, values: Vec<f32>) -> Payload {
        Tensor::from_vec(shape, values).unwrap().into()
    }

    #[test]
    fn one_dtype_stays_and_several_become_floats() {
        let same = vec![
            ("a", singles(vec![2], vec![1.0, 2.0])),
            ("b", singles(vec![2, 1], vec![0.5, 1.5])),
        ];
        let (names, tensor) = array(join(same.clone()).unwrap());
        assert_eq!(names, Names::from_iter(["a", "b"]));
        let expected = Tensor::from_vec(vec![2, 2], vec![1.0_f32, 0.5, 2.0, 1.5]).unwrap();
        assert_eq!(tensor, expected);

        let ints = Tensor::from_vec(vec![2], vec![3_i64, 4]).unwrap();
        let mixed = [same, vec![("c", ints.into())]].concat();
        let (_, tensor) = array(join(mixed).unwrap());
        let expected = vec![1.0_f64, 0.5, 3.0, 2.0, 1.5, 4.0];
        assert_eq!(tensor, Tensor::from_vec(vec![2, 3], expected).unwrap());
    }

    #[test]
    fn what_is_no_number_stays_apart() {
        let text = Tensor::from_byte_elements(vec![2], ["a", "b"]).unwrap();
        let flags = Tensor::from_bools(vec![2], vec![true, false]).unwrap();
        for other in [text, flags] {
            let columns = vec![("a", singles(vec![2], vec![1.0, 2.0])), ("b", other.into())];
            assert!(matches!(join(columns).unwrap(), Payload::Named(all) if all.len() == 2));
        }
        let wide = vec![("a", singles(vec![1, 2], vec![1.0, 2.0]))];
        assert!(matches!(join(wide).unwrap(), Payload::Named(_)));
        let flags = Tensor::from_bools(vec![1], vec![true]).unwrap();
        let (_, tensor) = array(join(vec![("a", flags.into())]).unwrap());
        assert_eq!((tensor.dtype(), tensor.shape()), (DType::Bool, &[1, 1][..]));
    }

    #[test]
    fn columns_of_different_lengths_are_named() {
        let columns = vec![
            ("a", singles(vec![2], vec![1.0, 2.0])),
            ("b", singles(vec![1], vec![1.0])),
        ];
        let error = join(columns).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadData);
        assert!(error.info.ends_with("\"a\" has 2, \"b\" has 1"), "{error}");
    }
}
