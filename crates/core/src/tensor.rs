//! Arrays that stay arrays: a dtype, a shape and one contiguous buffer.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

/// The type of one element of a [`Tensor`].
///
/// The numbers of the variants are the codes of the worker protocol (`PROTOCOL.md`) and never
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DType {
    /// One byte, 0 or 1.
    Bool = 1,
    /// Signed, 8 bits.
    I8 = 2,
    /// Signed, 16 bits.
    I16 = 3,
    /// Signed, 32 bits.
    I32 = 4,
    /// Signed, 64 bits: what a JSON integer becomes.
    I64 = 5,
    /// Unsigned, 8 bits.
    U8 = 6,
    /// Unsigned, 16 bits.
    U16 = 7,
    /// Unsigned, 32 bits.
    U32 = 8,
    /// Unsigned, 64 bits.
    U64 = 9,
    /// IEEE 754 binary16.
    F16 = 10,
    /// IEEE 754 binary32.
    F32 = 11,
    /// IEEE 754 binary64: what a JSON number with a point or an exponent becomes.
    F64 = 12,
    /// Bytes of any length, each element behind its length as a little-endian `u32`.
    Bytes = 13,
}

impl DType {
    /// Every dtype, in the order of the codes.
    pub const ALL: [Self; 13] = [
        Self::Bool,
        Self::I8,
        Self::I16,
        Self::I32,
        Self::I64,
        Self::U8,
        Self::U16,
        Self::U32,
        Self::U64,
        Self::F16,
        Self::F32,
        Self::F64,
        Self::Bytes,
    ];

    /// Bytes that one element takes; `None` where elements differ in that.
    #[must_use]
    pub const fn size(self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
            Self::Bytes => return None,
        })
    }

    /// The code of the worker protocol.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The dtype of a code of the worker protocol, or `None` if there is none.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

/// A Rust type that can be the element of a [`Tensor`].
pub trait Element: bytemuck::NoUninit + bytemuck::AnyBitPattern + Send + Sync {
    /// The dtype that this type stands for.
    const DTYPE: DType;
}

macro_rules! element {
    ($($rust:ty => $dtype:ident),* $(,)?) => {
        $(impl Element for $rust { const DTYPE: DType = DType::$dtype; })*
    };
}

element! {
    i8 => I8, i16 => I16, i32 => I32, i64 => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64,
    f32 => F32, f64 => F64,
}

/// A shape and a buffer that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tensor of shape {shape:?} needs {needed} {unit}, but the buffer has {found}")]
pub struct ShapeError {
    /// The requested shape.
    pub shape: Vec<usize>,
    /// How much the shape needs; saturated when it does not fit a `usize`.
    pub needed: usize,
    /// How much there was.
    pub found: usize,
    /// What is counted: `bytes`, or `elements` of [`DType::Bytes`].
    pub unit: &'static str,
}

/// An array: dtype, shape (row-major) and one contiguous little-endian buffer.
///
/// Cloning shares the buffer.
#[derive(Clone, PartialEq)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    data: Bytes,
}

impl Tensor {
    /// Puts a tensor together from its parts.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when `data` is not exactly as long as dtype and shape demand; for
    /// [`DType::Bytes`], when it does not hold exactly as many whole elements.
    pub fn new(dtype: DType, shape: Vec<usize>, data: Bytes) -> Result<Self, ShapeError> {
        let (unit, size, found) = match dtype.size() {
            Some(size) => ("bytes", size, data.len()),
            None => ("elements", 1, count_elements(&data)),
        };
        let needed = shape
            .iter()
            .try_fold(size, |needed, &side| needed.checked_mul(side))
            // A zero side makes any other side legal, even one that overflows on the way.
            .or_else(|| shape.contains(&0).then_some(0))
            .unwrap_or(usize::MAX);
        if needed != found {
            return Err(ShapeError {
                shape,
                needed,
                found,
                unit,
            });
        }
        Ok(Self { dtype, shape, data })
    }

    /// An array of [`DType::Bytes`].
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when the product of `shape` is not the number of elements.
    ///
    /// # Panics
    ///
    /// When an element has 4 GiB or more.
    pub fn from_byte_elements<E: AsRef<[u8]>>(
        shape: Vec<usize>,
        elements: impl IntoIterator<Item = E>,
    ) -> Result<Self, ShapeError> {
        let mut data = Vec::new();
        for element in elements {
            let element = element.as_ref();
            let length = u32::try_from(element.len()).expect("an element has less than 4 GiB");
            data.extend_from_slice(&length.to_le_bytes());
            data.extend_from_slice(element);
        }
        Self::new(DType::Bytes, shape, data.into())
    }

    /// The elements of [`DType::Bytes`] in row-major order; none for any other dtype.
    pub fn byte_elements(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = match self.dtype {
            DType::Bytes => &self.data[..],
            _ => &[],
        };
        std::iter::from_fn(move || {
            let (element, after) = first_element(rest)?;
            rest = after;
            Some(element)
        })
    }

    /// Takes over a vector without copying it.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when the product of `shape` is not the vector's length.
    pub fn from_vec<T: Element>(shape: Vec<usize>, values: Vec<T>) -> Result<Self, ShapeError> {
        Self::new(T::DTYPE, shape, Bytes::from_owner(Owned(values)))
    }

    /// A boolean array; there is no [`Element`] for it because not every byte is a `bool`.
    ///
    /// # Errors
    ///
    /// [`ShapeError`] when the product of `shape` is not the vector's length.
    pub fn from_bools(shape: Vec<usize>, values: Vec<bool>) -> Result<Self, ShapeError> {
        Self::new(DType::Bool, shape, Bytes::from_owner(Owned(values)))
    }

    /// The empty float64 array that an empty `data` stands for; its shape is `[0]`.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            dtype: DType::F64,
            shape: vec![0],
            data: Bytes::new(),
        }
    }

    /// The type of the elements.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The sides, outermost first; empty for a scalar.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order, little-endian.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.dtype.size() {
            Some(size) => self.data.len() / size,
            // A zero side makes any other side legal, even those whose product overflows.
            None if self.shape.contains(&0) => 0,
            None => self.shape.iter().product(),
        }
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The elements as a slice, without a copy; `None` when `T` is another dtype or the buffer
    /// does not lie at an address that `T` allows. [`Tensor::to_vec`] copies and always works.
    #[must_use]
    pub fn as_slice<T: Element>(&self) -> Option<&[T]> {
        if self.dtype != T::DTYPE {
            return None;
        }
        bytemuck::try_cast_slice(&self.data).ok()
    }

    /// The elements as a vector of their own; `None` when `T` is another dtype.
    #[must_use]
    pub fn to_vec<T: Element>(&self) -> Option<Vec<T>> {
        if self.dtype != T::DTYPE {
            return None;
        }
        Some(bytemuck::pod_collect_to_vec_any(&self.data))
    }

    /// The elements as floats of 64 bits, whichever numbers they are; those beyond 2^53 lose
    /// digits. `None` for truth values, bytes and floats of 16 bits.
    #[must_use]
    pub fn to_floats(&self) -> Option<Vec<f64>> {
        self.floats().map(Cow::into_owned)
    }

    /// The same, without a copy where they are such floats already.
    #[must_use]
    pub fn floats(&self) -> Option<Cow<'_, [f64]>> {
        if let Some(floats) = self.as_slice() {
            return Some(floats.into());
        }
        #[expect(clippy::cast_precision_loss, reason = "as the documentation says")]
        match self.dtype {
            DType::F64 => self.to_vec(),
            DType::F32 => self.converted(|value: f32| value.into()),
            DType::I8 => self.converted(|value: i8| value.into()),
            DType::I16 => self.converted(|value: i16| value.into()),
            DType::I32 => self.converted(|value: i32| value.into()),
            DType::I64 => self.converted(|value: i64| value as f64),
            DType::U8 => self.converted(|value: u8| value.into()),
            DType::U16 => self.converted(|value: u16| value.into()),
            DType::U32 => self.converted(|value: u32| value.into()),
            DType::U64 => self.converted(|value: u64| value as f64),
            DType::Bool | DType::F16 | DType::Bytes => None,
        }
        .map(Cow::Owned)
    }

    fn converted<T: Element>(&self, convert: impl Fn(T) -> f64) -> Option<Vec<f64>> {
        if let Some(slice) = self.as_slice() {
            return Some(slice.iter().copied().map(convert).collect());
        }
        Some(self.to_vec()?.into_iter().map(convert).collect())
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Tensor({:?}, {:?}, {} bytes)",
            self.dtype,
            self.shape,
            self.data.len()
        )
    }
}

/// The first element of a [`DType::Bytes`] buffer, and what comes after it.
fn first_element(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = data.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// How many whole elements a [`DType::Bytes`] buffer holds; `usize::MAX` when the last one is cut.
fn count_elements(data: &[u8]) -> usize {
    let (mut rest, mut count) = (data, 0);
    while !rest.is_empty() {
        match first_element(rest) {
            Some((_, after)) => rest = after,
            None => return usize::MAX,
        }
        count += 1;
    }
    count
}

/// A vector whose memory is lent out as bytes, so that it need not be copied into `Bytes`.
struct Owned<T>(Vec<T>);

impl<T: bytemuck::NoUninit> AsRef<[u8]> for Owned<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

mod bytemuck {
    //! The three casts that are used, over the crate of the same name.
    pub(super) use ::bytemuck::{AnyBitPattern, NoUninit, cast_slice, try_cast_slice};

    /// Reads `T`s from bytes at any address; a rest shorter than one `T` is left out.
    pub(super) fn pod_collect_to_vec_any<T: AnyBitPattern>(bytes: &[u8]) -> Vec<T> {
        bytes
            .chunks_exact(size_of::<T>())
            .map(::bytemuck::pod_read_unaligned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vector_is_taken_over_without_a_copy() {
        let values = vec![1.0_f64, 2.0, 3.0, 4.0, 5.0, 6.0];
        let address = values.as_ptr().cast::<u8>();
        let tensor = Tensor::from_vec(vec![2, 3], values).unwrap();
        assert_eq!(tensor.data().as_ptr(), address);
        assert_eq!(tensor.as_slice::<f64>().unwrap()[5], 6.0);
        assert_eq!(tensor.as_slice::<i64>(), None);
    }

    #[test]
    fn shape_must_fit_the_buffer() {
        let error = Tensor::from_vec(vec![2, 2], vec![1_i64, 2, 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a tensor of shape [2, 2] needs 32 bytes, but the buffer has 24"
        );
        let huge = Tensor::new(DType::F64, vec![usize::MAX, 2], Bytes::new()).unwrap_err();
        assert_eq!(huge.needed, usize::MAX);
        assert!(Tensor::new(DType::F64, vec![usize::MAX, 2, 0], Bytes::new()).is_ok());
    }

    #[test]
    fn unaligned_buffer_is_read_by_copy() {
        let bytes = Bytes::from(vec![0_u8; 17]).slice(1..);
        let tensor = Tensor::new(DType::I64, vec![2], bytes).unwrap();
        assert_eq!(tensor.to_vec::<i64>(), Some(vec![0, 0]));
        assert_eq!(tensor.to_floats(), Some(vec![0.0, 0.0]));
    }

    #[test]
    fn all_numbers_can_be_floats() {
        fn floats<T: Element>(values: Vec<T>) -> Option<Vec<f64>> {
            Tensor::from_vec(vec![values.len()], values)
                .unwrap()
                .to_floats()
        }
        for found in [
            floats(vec![-1_i8, 7]),
            floats(vec![-1_i16, 7]),
            floats(vec![-1_i32, 7]),
            floats(vec![-1_i64, 7]),
            floats(vec![-1_f32, 7.0]),
            floats(vec![-1_f64, 7.0]),
        ] {
            assert_eq!(found, Some(vec![-1.0, 7.0]));
        }
        assert_eq!(floats(vec![255_u8]), Some(vec![255.0]));
        assert_eq!(floats(vec![65_535_u16]), Some(vec![65_535.0]));
        assert_eq!(floats(vec![u32::MAX]), Some(vec![4_294_967_295.0]));
        assert_eq!(
            floats(vec![(1_u64 << 53) + 1]),
            Some(vec![9_007_199_254_740_992.0])
        );
        let bools = Tensor::from_bools(vec![1], vec![true]).unwrap();
        assert_eq!(bools.to_floats(), None);
    }

    #[test]
    fn codes_go_there_and_back() {
        for dtype in DType::ALL {
            assert_eq!(DType::from_code(dtype.code()), Some(dtype));
        }
        assert_eq!(DType::from_code(0), None);
        assert_eq!(DType::from_code(14), None);
    }

    #[test]
    fn elements_of_bytes_have_lengths_of_their_own() {
        let elements = [&b"a"[..], b"", b"bcd"];
        let tensor = Tensor::from_byte_elements(vec![3], elements).unwrap();
        assert_eq!(&tensor.data()[..6], b"\x01\0\0\0a\0");
        assert_eq!(tensor.byte_elements().collect::<Vec<_>>(), elements);
        assert_eq!((tensor.len(), tensor.is_empty()), (3, false));
        let error = Tensor::from_byte_elements(vec![2], elements).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a tensor of shape [2] needs 2 elements, but the buffer has 3"
        );
        let empty = Tensor::new(DType::Bytes, vec![usize::MAX, 2, 0], Bytes::new()).unwrap();
        assert_eq!(empty.len(), 0);
        for cut in [&b"\x05\0\0\0abc"[..], b"\0\0\0"] {
            let cut = Tensor::new(DType::Bytes, vec![1], Bytes::copy_from_slice(cut));
            assert!(cut.is_err());
        }
    }
}
