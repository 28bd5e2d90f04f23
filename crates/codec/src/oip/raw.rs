//! Tensors as raw bytes: little-endian, row-major, each element of `BYTES` behind its length.

use bytes::Bytes;
use streeling_core::{DType, Meter, Result, Tensor};

use super::datatype::Datatype;
use super::parameters::{Owner, Short, bad};
use crate::json::array::MAX_DIMS;

/// The shape of an input.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for a negative side, and for more than 32 of
/// them.
pub fn shape(name: &str, sides: &[i64]) -> Result<Vec<usize>> {
    if sides.len() > MAX_DIMS {
        return Err(bad(format!(
            "input {} has a shape of {} sides, allowed are {MAX_DIMS}",
            Short(name),
            sides.len()
        )));
    }
    let sides = sides.iter().map(|&side| {
        usize::try_from(side).map_err(|_| {
            bad(format!(
                "input {} has the side {side} in its shape, which must not be negative",
                Short(name)
            ))
        })
    });
    sides.collect()
}

/// The elements that a shape has; `None` for more than memory has addresses.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape
        .iter()
        .try_fold(1, |count: usize, &side| count.checked_mul(side))
}

/// The tensor of raw bytes, without a copy but for `BF16`, which becomes float32.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) where the bytes are not those of the datatype
/// and the shape; that of the memory where `BF16` finds none.
pub fn raw_tensor(
    name: &str,
    datatype: Datatype,
    shape: Vec<usize>,
    data: Bytes,
    memory: &Meter,
) -> Result<Tensor> {
    if let Some(size) = datatype.size() {
        let needed = count(&shape).and_then(|count| count.checked_mul(size));
        if needed != Some(data.len()) {
            return Err(bad(format!(
                "{} of datatype {} and shape {shape:?} takes {}, found {}",
                Owner::Input(name),
                datatype.name(),
                many(needed, "bytes"),
                data.len()
            )));
        }
    }
    let (dtype, data) = match datatype {
        Datatype::Of(DType::Bool) => {
            if let Some(byte) = data.iter().find(|&&byte| byte > 1) {
                return Err(bad(format!(
                    "{} of datatype BOOL has the byte {byte}, allowed are 0 and 1",
                    Owner::Input(name)
                )));
            }
            (DType::Bool, data)
        }
        Datatype::Of(DType::Bytes) => {
            check_elements(name, &shape, &data)?;
            (DType::Bytes, data)
        }
        Datatype::Of(dtype) => (dtype, data),
        Datatype::Bf16 => {
            memory.take(2 * data.len())?;
            (DType::F32, widened(&data))
        }
    };
    Tensor::new(dtype, shape, data).map_err(|error| bad(format!("input {}: {error}", Short(name))))
}

/// Checks that there are as many elements of `BYTES` as the shape has, each of them whole.
fn check_elements(name: &str, shape: &[usize], data: &[u8]) -> Result<()> {
    let owner = Owner::Input(name);
    let (mut rest, mut found) = (data, 0_usize);
    while !rest.is_empty() {
        let Some((length, after)) = rest.split_first_chunk() else {
            return Err(bad(format!(
                "{owner} ends within the length of element {found}: it has 4 bytes, {} are left",
                rest.len()
            )));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((_, after)) = after.split_at_checked(length) else {
            return Err(bad(format!(
                "element {found} of {owner} claims {length} bytes, {} are left",
                after.len()
            )));
        };
        rest = after;
        found += 1;
    }
    if count(shape) == Some(found) {
        return Ok(());
    }
    let needed = many(count(shape), "elements");
    Err(bad(format!(
        "{owner} of datatype BYTES and shape {shape:?} takes {needed}, found {found}"
    )))
}

/// A number of things, for errors.
pub(super) fn many(count: Option<usize>, what: &str) -> String {
    count.map_or_else(
        || format!("more {what} than memory holds"),
        |count| format!("{count} {what}"),
    )
}

/// The float32 of every bfloat16, which are their upper halves.
fn widened(data: &[u8]) -> Bytes {
    let (halves, _) = data.as_chunks::<2>();
    let mut wide = Vec::with_capacity(2 * data.len());
    for &[low, high] in halves {
        wide.extend_from_slice(&[0, 0, low, high]);
    }
    wide.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(datatype: &str, sides: &[i64], data: &'static [u8]) -> Result<Tensor> {
        let shape = shape("x", sides)?;
        let datatype = Datatype::from_name(datatype).unwrap();
        raw_tensor("x", datatype, shape, data.into(), &Meter::unlimited())
    }

    fn info(datatype: &str, sides: &[i64], data: &'static [u8]) -> String {
        tensor(datatype, sides, data).unwrap_err().info
    }

    #[test]
    fn bytes_are_taken_as_they_lie() {
        let found = tensor("INT16", &[2, 1], b"\x01\0\xff\xff").unwrap();
        assert_eq!(found.shape(), [2, 1]);
        assert_eq!(found.to_vec::<i16>().unwrap(), [1, -1]);
        let found = tensor("BYTES", &[2], b"\x02\0\0\0ab\0\0\0\0").unwrap();
        assert_eq!(found.byte_elements().collect::<Vec<_>>(), [&b"ab"[..], b""]);
        let found = tensor("BOOL", &[2], &[1, 0]).unwrap();
        assert_eq!(
            (found.dtype(), &found.data()[..]),
            (DType::Bool, &[1, 0][..])
        );
    }

    #[test]
    fn bfloat16_becomes_float32() {
        let found = tensor("BF16", &[2], &[0x80, 0x3f, 0x20, 0xc0]).unwrap();
        assert_eq!(found.to_vec::<f32>().unwrap(), [1.0, -2.5]);
    }

    #[test]
    fn shapes_must_be_those_of_arrays() {
        assert_eq!(
            info("FP32", &[1, -1], b""),
            "input \"x\" has the side -1 in its shape, which must not be negative"
        );
        assert_eq!(
            info("FP32", &[1; 33], b""),
            "input \"x\" has a shape of 33 sides, allowed are 32"
        );
        assert_eq!(
            info("FP32", &[2, 2], b"abc"),
            "input \"x\" of datatype FP32 and shape [2, 2] takes 16 bytes, found 3"
        );
        assert_eq!(
            info("FP64", &[1 << 62, 4], b"abc"),
            "input \"x\" of datatype FP64 and shape [4611686018427387904, 4] takes more bytes than \
             memory holds, found 3"
        );
        assert!(tensor("FP64", &[1 << 62, 4, 0], b"").unwrap().is_empty());
    }

    #[test]
    fn elements_of_bytes_must_be_whole_and_as_many_as_the_shape_has() {
        assert_eq!(
            info("BYTES", &[1], b"\x05\0\0\0abc"),
            "element 0 of input \"x\" claims 5 bytes, 3 are left"
        );
        assert_eq!(
            info("BYTES", &[2], b"\x01\0\0\0a\0\0"),
            "input \"x\" ends within the length of element 1: it has 4 bytes, 2 are left"
        );
        assert_eq!(
            info("BYTES", &[2], b"\x01\0\0\0a"),
            "input \"x\" of datatype BYTES and shape [2] takes 2 elements, found 1"
        );
        assert_eq!(
            info("BYTES", &[1 << 62, 4], b""),
            "input \"x\" of datatype BYTES and shape [4611686018427387904, 4] takes more elements \
             than memory holds, found 0"
        );
        assert_eq!(
            info("BOOL", &[1], &[2]),
            "input \"x\" of datatype BOOL has the byte 2, allowed are 0 and 1"
        );
    }
}
