//! Elements as raw bytes: little-endian in row-major order, each of BYTES behind its length as a
//! `u32`.

use bytes::Bytes;
use streeling_core::{DType, Error, Meter, ShapeError, Tensor};

use super::datatype::Datatype;
use crate::tensorflow::{REPEATED_LIMIT, others};

/// Why shape, datatype and elements are no tensor.
#[derive(Debug)]
pub(crate) enum Fault {
    /// They do not belong together.
    Mismatch(String),
    /// There is no memory for it.
    Memory(Error),
}

/// The tensor that raw bytes are. They are not copied, except where the datatype is BF16, which
/// becomes FP32, and where a truth value is neither 0 nor 1.
pub(crate) fn tensor(
    datatype: Datatype,
    shape: Vec<usize>,
    data: Bytes,
    memory: &Meter,
) -> Result<Tensor, Fault> {
    let count = count(&shape)?;
    if let Some(size) = datatype.size() {
        // Before anything is allocated for them.
        expect_bytes(datatype, &shape, count.saturating_mul(size), data.len())?;
    }
    let (dtype, data) = match datatype {
        Datatype::Bf16 => (DType::F32, widened(&data, memory)?),
        Datatype::Of(DType::Bool) => (DType::Bool, truth(data, memory)?),
        Datatype::Of(dtype) => (dtype, data),
    };
    Tensor::new(dtype, shape, data).map_err(|error| Fault::Mismatch(unfit(&error)))
}

/// How many elements a tensor of this shape has.
pub(crate) fn count(shape: &[usize]) -> Result<usize, Fault> {
    if shape.contains(&0) {
        // NumPy has limits for empty arrays, too.
        if others(shape) < REPEATED_LIMIT {
            return Ok(0);
        }
    } else if let Some(count) = shape
        .iter()
        .try_fold(1, |count: usize, &side| count.checked_mul(side))
    {
        return Ok(count);
    }
    Err(Fault::Mismatch(format!("shape {shape:?} is too large")))
}

fn expect_bytes(
    datatype: Datatype,
    shape: &[usize],
    needed: usize,
    found: usize,
) -> Result<(), Fault> {
    if needed == found {
        return Ok(());
    }
    let name = datatype.name();
    Err(Fault::Mismatch(format!(
        "shape mismatch: {found} bytes for shape {shape:?} of {name}, which takes {needed}"
    )))
}

/// What is wrong with elements of BYTES: all others were counted before.
fn unfit(error: &ShapeError) -> String {
    match error.found {
        usize::MAX => "an element of BYTES has a length that goes beyond the end".to_owned(),
        found => format!(
            "shape mismatch: {found} elements for shape {:?}",
            error.shape
        ),
    }
}

/// Every BF16 as the binary32 whose upper half it is.
fn widened(data: &[u8], memory: &Meter) -> Result<Bytes, Fault> {
    let size = data.len().saturating_mul(2);
    memory.take(size).map_err(Fault::Memory)?;
    let mut wide = Vec::with_capacity(size);
    for &[low, high] in data.as_chunks().0 {
        wide.extend_from_slice(&[0, 0, low, high]);
    }
    Ok(wide.into())
}

/// Truth values as NumPy has them: whatever is not 0 is true.
fn truth(data: Bytes, memory: &Meter) -> Result<Bytes, Fault> {
    if data.iter().all(|&byte| byte <= 1) {
        return Ok(data);
    }
    memory.take(data.len()).map_err(Fault::Memory)?;
    let values: Vec<u8> = data.iter().map(|&byte| u8::from(byte != 0)).collect();
    Ok(values.into())
}
