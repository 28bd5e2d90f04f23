//! Numbers on their way in: what JSON and protobuf give becomes what the file takes.

use streeling_core::{Array, DType, Element, Elements, Message, Payload, Tensor};
use tract_onnx::prelude::{DatumType, Tensor as TractTensor};

use crate::shape::{Shape, written};

/// A dtype that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Float32,
    Float64,
    Int64,
    Int32,
    Uint8,
    Bool,
}

impl Kind {
    const ALL: [(Self, DatumType, &'static str, &'static str); 6] = [
        (Self::Float32, DatumType::F32, "float32", "FP32"),
        (Self::Float64, DatumType::F64, "float64", "FP64"),
        (Self::Int64, DatumType::I64, "int64", "INT64"),
        (Self::Int32, DatumType::I32, "int32", "INT32"),
        (Self::Uint8, DatumType::U8, "uint8", "UINT8"),
        (Self::Bool, DatumType::Bool, "bool", "BOOL"),
    ];

    /// The one of tract's type; `Err` says which there are.
    pub(crate) fn of(datum_type: DatumType) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(_, found, ..)| *found == datum_type);
        known.map(|(kind, ..)| *kind).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(_, _, name, _)| *name).collect();
            let found = format!("{datum_type:?}").to_lowercase();
            format!("{found}, it must be one of {}", names.join(", "))
        })
    }

    fn row(self) -> (Self, DatumType, &'static str, &'static str) {
        *Self::ALL
            .iter()
            .find(|(kind, ..)| *kind == self)
            .expect("each is in the table")
    }

    /// As the Open Inference Protocol writes it, and Seldon's metadata.
    pub(crate) fn described(self) -> &'static str {
        self.row().3
    }

    fn name(self) -> &'static str {
        self.row().2
    }
}

/// An input of the file.
#[derive(Clone, Debug)]
pub(crate) struct InputInfo {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) shape: Shape,
}

/// The array of a request; `Err` says what was found instead.
pub(crate) fn array(message: Message) -> Result<Tensor, String> {
    let Payload::Array(Array { elements, .. }) = message.payload else {
        return Err("none".to_owned());
    };
    match elements {
        Elements::Typed(tensor) => Ok(tensor),
        Elements::Json(_) => Err("one of text, nulls or lists of different lengths".to_owned()),
    }
}

/// The arrays of all inputs. Where there are several, each takes its columns of the request's.
pub(crate) fn split(inputs: &[InputInfo], array: Tensor) -> Result<Vec<Tensor>, String> {
    if let [input] = inputs {
        if !input.shape.fits(array.shape()) {
            return Err(wrong_shape(&input.name, &input.shape, &array));
        }
        return Ok(vec![array]);
    }
    let widths: Vec<usize> = inputs.iter().filter_map(|input| input.shape.0[1]).collect();
    let total: usize = widths.iter().sum();
    let shape = Shape(vec![None, Some(total)]);
    if !shape.fits(array.shape()) {
        let names: Vec<&str> = inputs.iter().map(|input| &*input.name).collect();
        return Err(wrong_shape(&names.join(", "), &shape, &array));
    }
    let rows = array.shape()[0];
    let size = array.dtype().size().ok_or_else(|| no_numbers(&array))?;
    let mut start = 0;
    widths
        .into_iter()
        .map(|width| {
            let part = start * size..(start + width) * size;
            start += width;
            let rows_of = array.data().chunks_exact(total * size);
            let data: Vec<u8> = rows_of
                .flat_map(|row| &row[part.clone()])
                .copied()
                .collect();
            let part = Tensor::new(array.dtype(), vec![rows, width], data.into());
            part.map_err(|error| error.to_string())
        })
        .collect()
}

fn wrong_shape(names: &str, expected: &Shape, array: &Tensor) -> String {
    let found = written(array.shape());
    format!("{names} takes an array of shape {expected}; this request has shape {found}")
}

fn no_numbers(array: &Tensor) -> String {
    format!(
        "it takes an array of numbers; this request has {:?}",
        array.dtype()
    )
}

impl InputInfo {
    /// The same numbers in the input's own dtype; `Err` for one that does not fit it.
    pub(crate) fn convert(&self, array: &Tensor) -> Result<TractTensor, String> {
        let shape = array.shape();
        match self.kind {
            Kind::Float64 => tract(shape, &floats(array)?),
            Kind::Float32 => tract(shape, &self.singles(array)?),
            Kind::Int64 => tract(shape, &self.integers::<i64>(array)?),
            Kind::Int32 => tract(shape, &self.integers::<i32>(array)?),
            Kind::Uint8 => tract(shape, &self.integers::<u8>(array)?),
            Kind::Bool => {
                let truth = |value: &u8| match value {
                    0 | 1 => Ok(*value == 1),
                    other => Err(self.does_not_fit(other, "true, false, 0 and 1")),
                };
                let values = self.integers::<u8>(array)?;
                let truths: Result<Vec<bool>, String> = values.iter().map(truth).collect();
                tract(shape, &truths?)
            }
        }
    }

    fn does_not_fit(&self, value: impl std::fmt::Display, allowed: &str) -> String {
        let (name, kind) = (&self.name, self.kind.name());
        format!("{name} takes {kind}: {value} does not fit, allowed are {allowed}")
    }

    fn singles(&self, array: &Tensor) -> Result<Vec<f32>, String> {
        if let Some(values) = array.to_vec::<f32>() {
            return Ok(values);
        }
        let single = |value: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "checked right below")]
            let single = value as f32;
            if single.is_infinite() && value.is_finite() {
                let allowed = "numbers from -3.4028235e38 to 3.4028235e38";
                return Err(self.does_not_fit(format!("{value:e}"), allowed));
            }
            Ok(single)
        };
        floats(array)?.into_iter().map(single).collect()
    }

    fn integers<T: Element + TryFrom<i128>>(&self, array: &Tensor) -> Result<Vec<T>, String> {
        if let Some(values) = array.to_vec::<T>() {
            return Ok(values);
        }
        let allowed = match self.kind {
            Kind::Int64 => "whole numbers from -9223372036854775808 to 9223372036854775807",
            Kind::Int32 => "whole numbers from -2147483648 to 2147483647",
            Kind::Bool => "true, false, 0 and 1",
            _ => "whole numbers from 0 to 255",
        };
        if let Some(values) = whole(array) {
            let fit =
                |value: i128| T::try_from(value).map_err(|_| self.does_not_fit(value, allowed));
            return values.into_iter().map(fit).collect();
        }
        let fit = |value: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "only whole numbers count")]
            let whole = (value.fract() == 0.0).then_some(value as i128);
            let fitting = whole.and_then(|whole| T::try_from(whole).ok());
            fitting.ok_or_else(|| self.does_not_fit(value, allowed))
        };
        floats(array)?.into_iter().map(fit).collect()
    }
}

fn tract<T: tract_onnx::prelude::Datum + Copy>(
    shape: &[usize],
    values: &[T],
) -> Result<TractTensor, String> {
    TractTensor::from_shape(shape, values).map_err(|error| error.to_string())
}

/// Truth values are 0 and 1, as in NumPy.
fn floats(array: &Tensor) -> Result<Vec<f64>, String> {
    if array.dtype() == DType::Bool {
        return Ok(array.data().iter().map(|value| f64::from(*value)).collect());
    }
    array.to_floats().ok_or_else(|| no_numbers(array))
}

/// `None` for floats, and for what is no number.
fn whole(array: &Tensor) -> Option<Vec<i128>> {
    fn widened<T: Element + Into<i128>>(array: &Tensor) -> Option<Vec<i128>> {
        Some(array.to_vec::<T>()?.into_iter().map(Into::into).collect())
    }
    match array.dtype() {
        DType::Bool => Some(
            array
                .data()
                .iter()
                .map(|value| i128::from(*value))
                .collect(),
        ),
        DType::I8 => widened::<i8>(array),
        DType::I16 => widened::<i16>(array),
        DType::I32 => widened::<i32>(array),
        DType::I64 => widened::<i64>(array),
        DType::U8 => widened::<u8>(array),
        DType::U16 => widened::<u16>(array),
        DType::U32 => widened::<u32>(array),
        DType::U64 => widened::<u64>(array),
        DType::F16 | DType::F32 | DType::F64 | DType::Bytes => None,
    }
}
