//! Typed elements: the list that belongs to a datatype.

use bytes::Bytes;
use streeling_core::{DType, Error, Result, Tensor};

use super::reader::{Reader, unreadable};
use crate::error::Result as DecodeResult;
use crate::oip::datatype::Datatype;
use crate::oip::parameters::{Owner, bad};
use crate::oip::raw::{count, many};
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

/// The elements of a list.
struct Elements {
    /// In memory order.
    data: Bytes,
    /// How many there are; those beyond what the shape has room for are counted alone.
    found: usize,
    /// The first one that the datatype does not hold.
    beyond: Option<u64>,
}

/// A list that is read: where it is, and how many elements there are to be.
#[derive(Clone, Copy)]
struct List<'s> {
    spans: &'s Spans,
    number: u32,
    dtype: DType,
    count: usize,
}

impl Reader<'_> {
    /// The tensor of an input.
    pub(super) fn contents(
        &self,
        name: &str,
        datatype: Datatype,
        shape: Vec<usize>,
        spans: &Spans,
    ) -> Result<Tensor> {
        let owner = Owner::Input(name);
        let known = match datatype {
            Datatype::Of(dtype) => list(dtype).map(|number| (dtype, number)),
            Datatype::Bf16 => None,
        };
        let Some((dtype, number)) = known else {
            return Err(bad(format!(
                "{owner} is of datatype {}, which has no contents: it must be in \
                 raw_input_contents",
                datatype.name()
            )));
        };
        if let Some(other) = self.other_list(spans, number).map_err(unreadable)? {
            return Err(bad(format!(
                "{owner} of datatype {} must have its elements in {}, found {}",
                datatype.name(),
                LISTS[number as usize - 1],
                LISTS[other as usize - 1]
            )));
        }
        let count = count(&shape);
        let list = List {
            spans,
            number,
            dtype,
            count: count.unwrap_or(0),
        };
        let elements = self.elements(list).map_err(unreadable)?;
        if let Some(value) = elements.beyond {
            return Err(out_of_range(value, dtype, owner));
        }
        if count != Some(elements.found) {
            return Err(bad(format!(
                "{owner} of datatype {} and shape {shape:?} takes {}, found {}",
                datatype.name(),
                many(count, "elements"),
                elements.found
            )));
        }
        Tensor::new(dtype, shape, elements.data).map_err(|error| bad(format!("{owner}: {error}")))
    }

    /// Whether there are elements of any datatype.
    pub(super) fn has_elements(&self, spans: &Spans) -> Result<bool> {
        let found = self.other_list(spans, 0).map_err(unreadable)?;
        Ok(found.is_some())
    }

    /// The first list with elements in it beside the one of this number.
    fn other_list(&self, spans: &Spans, number: u32) -> DecodeResult<Option<u32>> {
        let mut other = None;
        self.body.fields(spans, |field| {
            if field.number != number && other.is_none() && has_elements(field) {
                other = Some(field.number);
            }
            Ok(())
        })?;
        Ok(other)
    }

    fn elements(&self, list: List<'_>) -> DecodeResult<Elements> {
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
    ) -> DecodeResult<Elements> {
        let length: usize = list.spans.iter().map(Span::len).sum();
        let room = list.count.min(length) * N;
        self.take(list.spans.start(), room)?;
        let mut data = Vec::with_capacity(room);
        let (mut found, mut beyond) = (0, None);
        self.body.fields(list.spans, |field| {
            if field.number != list.number {
                return Ok(());
            }
            self.body.integers(field, |value| {
                match convert(value) {
                    Some(element) if found < list.count => data.extend_from_slice(&element),
                    Some(_) => {}
                    None => beyond = beyond.or(Some(value)),
                }
                found += 1;
                Ok(())
            })
        })?;
        Ok(Elements {
            data: data.into(),
            found,
            beyond,
        })
    }

    fn floats<const N: usize>(&self, list: List<'_>) -> DecodeResult<Elements> {
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
        Ok(Elements {
            data,
            found,
            beyond: None,
        })
    }

    fn bytes(&self, list: List<'_>) -> DecodeResult<Elements> {
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
        Ok(Elements {
            data: data.into(),
            found,
            beyond: None,
        })
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
fn out_of_range(value: u64, dtype: DType, owner: Owner<'_>) -> Error {
    #[expect(clippy::cast_possible_truncation, reason = "as protobuf has it")]
    let value = match dtype {
        DType::I8 | DType::I16 => i64::from(value as i32),
        _ => i64::from(value as u32),
    };
    let name = Datatype::Of(dtype).name();
    bad(format!(
        "{owner} of datatype {name} has the element {value}, which is out of its range"
    ))
}
