//! Typed elements: the list that belongs to a datatype.

use bytes::Bytes;
use streeling_core::{DType, Tensor};

use super::reader::{Reader, failed};
use crate::error::{DecodeError, Result};
use crate::oip::datatype::Datatype;
use crate::oip::raw;
use crate::protobuf::lists::Buffer;
use crate::protobuf::wire::{BYTES, Field, Span, Spans, Wire};

/// The lists, by their numbers less one.
const LISTS: [&str; 8] = [
    "bool_contents",
    "int_contents",
    "int64_contents",
    "uint_contents",
    "uint64_contents",
    "fp32_contents",
    "fp64_contents",
    "bytes_contents",
];

/// The number of the list that a dtype's elements are in; `None` where there is none.
pub(super) fn list(dtype: DType) -> Option<u32> {
    Some(match dtype {
        DType::Bool => 1,
        DType::I8 | DType::I16 | DType::I32 => 2,
        DType::I64 => 3,
        DType::U8 | DType::U16 | DType::U32 => 4,
        DType::U64 => 5,
        DType::F32 => 6,
        DType::F64 => 7,
        DType::Bytes => 8,
        DType::F16 => return None,
    })
}

/// The elements of a list: their bytes in memory order, and how many there are.
type Elements = (Bytes, usize);

/// A list that is read: where it is, and how many elements there are to be.
#[derive(Clone, Copy)]
struct List<'s> {
    spans: &'s Spans,
    number: u32,
    dtype: DType,
    count: usize,
}

impl Reader<'_> {
    /// The tensor of an input that starts at `offset`.
    pub(super) fn contents(
        &self,
        spans: &Spans,
        offset: usize,
        datatype: Datatype,
        shape: Vec<usize>,
    ) -> Result<Tensor> {
        let count = raw::count(&shape).map_err(|fault| failed(fault, offset))?;
        let known = match datatype {
            Datatype::Of(dtype) => list(dtype).map(|number| (dtype, number)),
            Datatype::Bf16 => None,
        };
        let Some((dtype, number)) = known else {
            let name = datatype.name();
            let problem = format!("{name} has no contents, it must be in raw_input_contents");
            return Err(DecodeError::mismatch(offset, problem));
        };
        self.expect_list(spans, number, datatype)?;
        let list = List {
            spans,
            number,
            dtype,
            count,
        };
        let (data, found) = self.elements(list)?;
        if found == count {
            return Tensor::new(dtype, shape, data)
                .map_err(|error| DecodeError::mismatch(offset, error.to_string()));
        }
        let problem = format!("shape mismatch: {found} elements for shape {shape:?}");
        Err(DecodeError::mismatch(offset, problem))
    }

    /// Whether there are elements of any datatype.
    pub(super) fn has_elements(&self, spans: &Spans) -> Result<bool> {
        let mut any = false;
        self.body.fields(spans, |field| {
            any |= has_elements(field);
            Ok(())
        })?;
        Ok(any)
    }

    /// Refuses elements in another list than that of the datatype.
    fn expect_list(&self, spans: &Spans, number: u32, datatype: Datatype) -> Result<()> {
        self.body.fields(spans, |field| {
            if field.number == number || !has_elements(field) {
                return Ok(());
            }
            let name = |number: u32| LISTS[number as usize - 1];
            let problem = format!(
                "elements of {} must be in {}, found {}",
                datatype.name(),
                name(number),
                name(field.number)
            );
            Err(DecodeError::mismatch(field.offset, problem))
        })
    }

    fn elements(&self, list: List<'_>) -> Result<Elements> {
        #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
        match list.dtype {
            DType::Bool => self.integers(list, |value| Some([u8::from(value != 0)])),
            DType::I8 => self.integers(list, |value| narrow::<i8>(value).map(i8::to_le_bytes)),
            DType::I16 => self.integers(list, |value| narrow::<i16>(value).map(i16::to_le_bytes)),
            DType::I32 => self.integers(list, |value| Some((value as i32).to_le_bytes())),
            DType::U8 => self.integers(list, |value| {
                u8::try_from(value as u32).ok().map(u8::to_le_bytes)
            }),
            DType::U16 => self.integers(list, |value| {
                u16::try_from(value as u32).ok().map(u16::to_le_bytes)
            }),
            DType::U32 => self.integers(list, |value| Some((value as u32).to_le_bytes())),
            DType::I64 | DType::U64 => self.integers(list, |value| Some(value.to_le_bytes())),
            DType::F32 => self.floats::<4>(list),
            DType::F64 => self.floats::<8>(list),
            DType::Bytes | DType::F16 => self.bytes(list),
        }
    }

    /// Integers that take `N` bytes each. There is room for as many as there may be, and never for
    /// more than there are bytes.
    fn integers<const N: usize>(
        &self,
        list: List<'_>,
        convert: impl Fn(u64) -> Option<[u8; N]>,
    ) -> Result<Elements> {
        let length: usize = list.spans.iter().map(Span::len).sum();
        let room = list.count.min(length) * N;
        self.take(list.spans.start(), room)?;
        let mut data = Vec::with_capacity(room);
        let mut found = 0;
        self.body.fields(list.spans, |field| {
            if field.number != list.number {
                return Ok(());
            }
            self.body.integers(field, |value| {
                let element = convert(value).ok_or_else(|| out_of_range(value, list.dtype, field));
                // More than there are to be are counted alone.
                if found < list.count {
                    data.extend_from_slice(&element?);
                }
                found += 1;
                Ok(())
            })
        })?;
        Ok((data.into(), found))
    }

    fn floats<const N: usize>(&self, list: List<'_>) -> Result<Elements> {
        let mut buffer = Buffer::default();
        self.body.fields(list.spans, |field| {
            if field.number == list.number {
                self.body.fixed::<N>(field, &mut buffer)?;
            }
            Ok(())
        })?;
        self.take(list.spans.start(), buffer.owned())?;
        let data = buffer.finish(&self.body);
        let found = data.len() / N;
        Ok((data, found))
    }

    fn bytes(&self, list: List<'_>) -> Result<Elements> {
        let each = |each: &mut dyn FnMut(&[u8])| {
            self.body.fields(list.spans, |field| {
                if field.number == list.number {
                    each(self.body.bytes(field.span(BYTES)?));
                }
                Ok(())
            })
        };
        let (mut room, mut found) = (0, 0);
        each(&mut |element| {
            room += size_of::<u32>() + element.len();
            found += 1;
        })?;
        self.take(list.spans.start(), room)?;
        let mut data = Vec::with_capacity(room);
        each(&mut |element| {
            let length = u32::try_from(element.len()).expect("a message has less than 4 GiB");
            data.extend_from_slice(&length.to_le_bytes());
            data.extend_from_slice(element);
        })?;
        Ok((data.into(), found))
    }
}

/// Whether a field of contents holds an element; an empty list that is packed holds none.
fn has_elements(field: &Field) -> bool {
    match (field.number, field.value) {
        (1..=5, Wire::Varint(_)) | (6, Wire::Fixed32(_)) | (7, Wire::Fixed64(_)) => true,
        (1..=7, Wire::Len(span)) => span.len() > 0,
        (8, Wire::Len(_)) => true,
        _ => false,
    }
}

/// A signed integer of 32 bits as a shorter one.
fn narrow<T: TryFrom<i32>>(value: u64) -> Option<T> {
    #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
    T::try_from(value as i32).ok()
}

#[cold]
fn out_of_range(value: u64, dtype: DType, field: &Field) -> DecodeError {
    let name = Datatype::Of(dtype).name();
    #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
    let problem = match dtype {
        DType::I8 | DType::I16 => format!("{} is out of range for {name}", value as i32),
        _ => format!("{} is out of range for {name}", value as u32),
    };
    DecodeError::mismatch(field.offset, problem)
}
