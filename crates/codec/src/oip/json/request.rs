//! Requests.

use bytes::Bytes;
use streeling_core::{Meter, Result};

use super::fields::{self, Reader, refused};
use super::tensors::{Binary, tensor};
use crate::json::document::one_value;
use crate::oip::message::{InferRequest, NamedTensor};
use crate::oip::parameters::bad;

/// Reads a request. `json` is its JSON, and `binary` what follows it where the binary extension is
/// used: the raw tensors are slices of that.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for what is no request, which says what is
/// wrong and where; that of the memory.
pub fn decode(json: &Bytes, binary: Option<Bytes>, memory: &Meter) -> Result<InferRequest> {
    let reader = Reader { body: json, memory };
    let request = one_value(json, |cursor| reader.request(cursor)).map_err(refused)?;
    complete(request, binary, memory)
}

/// Puts the tensors of a request together.
pub(super) fn complete(
    request: fields::Request<'_>,
    binary: Option<Bytes>,
    memory: &Meter,
) -> Result<InferRequest> {
    let inputs = request
        .inputs
        .ok_or_else(|| bad("the request has no inputs"))?;
    Ok(InferRequest {
        id: request.id,
        parameters: request.parameters,
        inputs: tensors(inputs, binary, memory)?,
        outputs: request.outputs,
    })
}

fn tensors(
    inputs: Vec<fields::Input<'_>>,
    binary: Option<Bytes>,
    memory: &Meter,
) -> Result<Vec<NamedTensor>> {
    memory.take(inputs.len() * size_of::<NamedTensor>())?;
    let mut binary = Binary { rest: binary };
    let inputs = inputs.into_iter().enumerate();
    let tensors: Vec<_> = inputs
        .map(|(index, input)| tensor(index, input, &mut binary, memory))
        .collect::<Result<_>>()?;
    match binary.rest {
        Some(rest) if !rest.is_empty() => Err(bad(format!(
            "{} bytes are left behind the tensors of the inputs",
            rest.len()
        ))),
        _ => Ok(tensors),
    }
}
