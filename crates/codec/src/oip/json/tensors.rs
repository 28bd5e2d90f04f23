//! From the fields of an input to its tensor.

use bytes::Bytes;
use streeling_core::{DType, Meter, Result, Tensor};

use super::fields::{Data, Input, refused};
use super::numbers::{self, beyond};
use crate::error::{self, DecodeError};
use crate::json::scan::Cursor;
use crate::oip::datatype::Datatype;
use crate::oip::message::{NamedTensor, Parameters};
use crate::oip::nested::walk;
use crate::oip::parameters::{BINARY_DATA_SIZE, Owner, Short, bad, size};
use crate::oip::raw::{count, many, raw_tensor, shape};
use crate::oip::text;

/// Parameters of an input whose elements lie where this server does not look.
const SHARED_MEMORY: &str = "shared_memory_region";

/// The raw tensors behind the JSON of a request.
pub(super) struct Binary {
    /// What is left of them; `None` where the request has no such part.
    pub(super) rest: Option<Bytes>,
}

impl Binary {
    fn take(&mut self, owner: Owner<'_>, size: usize) -> Result<Bytes> {
        let Some(rest) = &mut self.rest else {
            return Err(bad(format!(
                "{owner} has a {BINARY_DATA_SIZE}, but the request lacks the header \
                 Inference-Header-Content-Length"
            )));
        };
        if size > rest.len() {
            return Err(bad(format!(
                "{BINARY_DATA_SIZE} of {owner} is {size}, but only {} bytes are left",
                rest.len()
            )));
        }
        Ok(rest.split_to(size))
    }
}

/// Puts the input at `index` together.
pub(super) fn tensor(
    index: usize,
    input: Input<'_>,
    binary: &mut Binary,
    memory: &Meter,
) -> Result<NamedTensor> {
    let lacks = |what: &str| bad(format!("inputs[{index}] has no {what}"));
    let name = input.name.ok_or_else(|| lacks("name"))?;
    let owner = Owner::Input(&name);
    let sides = input.shape.ok_or_else(|| lacks("shape"))?;
    let shape = shape(&name, &sides)?;
    let datatype = input.datatype.ok_or_else(|| lacks("datatype"))?;
    let datatype = known(&datatype, owner)?;
    let mut parameters = input.parameters;
    if parameters.get(SHARED_MEMORY).is_some() {
        return Err(bad(format!(
            "{owner} has a {SHARED_MEMORY}, and this server has no shared memory"
        )));
    }
    let tensor = match (input.data, in_binary(&mut parameters, owner)?) {
        (Some(_), Some(_)) => {
            return Err(bad(format!(
                "{owner} has both data and a {BINARY_DATA_SIZE}, it must have one of them"
            )));
        }
        (None, None) => {
            return Err(bad(format!(
                "{owner} has neither data nor a {BINARY_DATA_SIZE}, it must have one of them"
            )));
        }
        (None, Some(size)) => {
            let data = binary.take(owner, size)?;
            raw_tensor(&name, datatype, shape, data, memory)?
        }
        (Some(data), None) => {
            let Datatype::Of(dtype) = datatype else {
                return Err(bad(format!(
                    "{owner} is of datatype BF16, which exists as raw bytes alone"
                )));
            };
            let list = list(index, &name, dtype, &shape, data, memory)?;
            check(owner, dtype, &shape, &list.sides)?;
            Tensor::new(dtype, shape, list.elements)
                .map_err(|error| bad(format!("{owner}: {error}")))?
        }
    };
    Ok(NamedTensor {
        name,
        parameters,
        tensor,
    })
}

fn known(datatype: &str, owner: Owner<'_>) -> Result<Datatype> {
    Datatype::from_name(datatype).ok_or_else(|| {
        let names: Vec<_> = Datatype::names().collect();
        bad(format!(
            "datatype {} of {owner} is not known, it must be one of {}",
            Short(datatype),
            names.join(", ")
        ))
    })
}

/// Takes the parameter out that says how many of the bytes behind the JSON are the input's.
fn in_binary(parameters: &mut Parameters, owner: Owner<'_>) -> Result<Option<usize>> {
    let said = size(parameters, BINARY_DATA_SIZE, owner)?;
    if said.is_some() {
        parameters.remove(BINARY_DATA_SIZE);
    }
    Ok(said)
}

/// The elements of `data`, and how the lists were nested.
struct List {
    sides: Vec<usize>,
    elements: Bytes,
}

fn list(
    index: usize,
    name: &str,
    dtype: DType,
    shape: &[usize],
    data: Data<'_>,
    memory: &Meter,
) -> Result<List> {
    let mut cursor = match data {
        Data::Typed(list) => {
            return Ok(List {
                sides: list.shape().to_vec(),
                elements: numbers::elements(name, dtype, &list, memory)?,
            });
        }
        Data::Other(cursor) => cursor,
    };
    let (mut elements, mut found, mut misfit) = (Vec::new(), 0, None);
    let mut each = |cursor: &mut Cursor<'_>| {
        let read = element(cursor, dtype, &mut elements, memory)?;
        if !read {
            let text = literal(*cursor);
            misfit = Some(bad(beyond(name, dtype, found, &text)));
            return Err(DecodeError::invalid(cursor.pos, "a number out of range"));
        }
        found += 1;
        Ok(())
    };
    let is_single = cursor.peek() != Some(b'[') && count(shape) == Some(1);
    let walked = if is_single {
        each(&mut cursor).map(|()| vec![1])
    } else {
        walk(&mut cursor, each)
    };
    let sides = walked.map_err(|error| match misfit {
        Some(misfit) => misfit,
        None => refused(error.inside("data").at_index(index).inside("inputs")),
    })?;
    Ok(List {
        sides,
        elements: elements.into(),
    })
}

/// Reads an element; false where it is a number that the dtype does not hold.
fn element(
    cursor: &mut Cursor<'_>,
    dtype: DType,
    out: &mut Vec<u8>,
    memory: &Meter,
) -> error::Result<bool> {
    let (before, start) = (out.len(), cursor.pos);
    let fits = if dtype == DType::Bytes {
        text::element(cursor, out)?;
        true
    } else {
        let expected = if dtype == DType::Bool {
            "a boolean"
        } else {
            "a number"
        };
        numbers::element(cursor, dtype, out).ok_or_else(|| cursor.wrong_type(expected))?
    };
    // Twice, as the buffer may just have doubled.
    error::take(memory, 2 * (out.len() - before), start)?;
    Ok(fits)
}

/// The number that stands here, cut to what an error shows.
fn literal(mut cursor: Cursor<'_>) -> String {
    const LONGEST: usize = 32;
    let (start, bytes) = (cursor.pos, cursor.bytes());
    let end = cursor.skip().map_or(start, |()| cursor.pos);
    let shown = &bytes[start..end.min(start + LONGEST)];
    let more = if end > start + LONGEST { "…" } else { "" };
    format!("{}{more}", String::from_utf8_lossy(shown))
}

/// Checks that the lists are those of the shape: flat, or nested as it says.
fn check(owner: Owner<'_>, dtype: DType, shape: &[usize], sides: &[usize]) -> Result<()> {
    let (needed, found) = (count(shape), count(sides));
    if needed != found {
        return Err(bad(format!(
            "{owner} of datatype {} and shape {shape:?} takes {}, found {}",
            Datatype::Of(dtype).name(),
            many(needed, "elements"),
            found.unwrap_or(usize::MAX)
        )));
    }
    if sides.len() > 1 && sides != shape && needed != Some(0) {
        return Err(bad(format!(
            "data of {owner} is nested as {sides:?}, its shape is {shape:?}"
        )));
    }
    Ok(())
}
