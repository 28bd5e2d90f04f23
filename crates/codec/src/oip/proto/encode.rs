//! A response written.

use streeling_core::{DType, Result, Tensor};

use super::encode_contents::{contents_len, write_contents};
use super::parameters::write_parameters;
use crate::oip::datatype::Datatype;
use crate::oip::message::{InferResponse, NamedTensor, Served};
use crate::protobuf::write::{bytes, field_len, head, present_bytes, varint};

pub(super) fn response(
    served: &Served,
    response: &InferResponse,
    is_raw: bool,
    out: &mut Vec<u8>,
) -> Result<()> {
    let version = served.version.as_deref().unwrap_or_default();
    bytes(1, served.name.as_bytes(), out);
    bytes(2, version.as_bytes(), out);
    bytes(
        3,
        response.id.as_deref().unwrap_or_default().as_bytes(),
        out,
    );
    write_parameters(4, &response.parameters, out)?;
    let outputs = &response.outputs;
    // It has no list, and either all elements are raw or none.
    let is_half = |output: &NamedTensor| output.tensor.dtype() == DType::F16;
    let is_raw = is_raw || outputs.iter().any(is_half);
    for output in outputs {
        write_output(output, is_raw, out)?;
    }
    if is_raw {
        for output in outputs {
            present_bytes(6, output.tensor.data(), out);
        }
    }
    Ok(())
}

fn write_output(output: &NamedTensor, is_raw: bool, out: &mut Vec<u8>) -> Result<()> {
    let tensor = &output.tensor;
    let mut about = Vec::new();
    bytes(1, output.name.as_bytes(), &mut about);
    bytes(
        2,
        Datatype::Of(tensor.dtype()).name().as_bytes(),
        &mut about,
    );
    write_shape(tensor.shape(), &mut about);
    write_parameters(4, &output.parameters, &mut about)?;
    let contents = contents(tensor, is_raw);
    let length = about.len() + contents.map_or(0, field_len);
    out.reserve(length + 16);
    head(5, length, out);
    out.extend_from_slice(&about);
    if let Some(length) = contents {
        head(5, length, out);
        write_contents(tensor, out);
    }
    Ok(())
}

/// Bytes of typed elements; `None` where there are none to write.
fn contents(tensor: &Tensor, is_raw: bool) -> Option<usize> {
    let length = if is_raw { 0 } else { contents_len(tensor) };
    (length > 0).then_some(length)
}

pub(super) fn write_shape(shape: &[usize], out: &mut Vec<u8>) {
    let mut sides = Vec::new();
    for &side in shape {
        varint(side as u64, &mut sides);
    }
    bytes(3, &sides, out);
}
