//! Responses.

use streeling_core::{DType, RawJson, Result, Tensor};

use crate::json::float::write_f32;
use crate::json::writer::{
    Object, encode_string, write_int, write_list, write_nested, write_table, write_tensor,
};
use crate::oip::datatype::Datatype;
use crate::oip::message::{InferRequest, InferResponse, NamedTensor, RequestedOutput, Served};
use crate::oip::parameters::{BINARY_DATA, BINARY_DATA_OUTPUT, BINARY_DATA_SIZE, Owner, flag};

/// The form of a response that its request chose.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form {
    /// The outputs that are wanted; all of them where there is none.
    pub requested: Vec<RequestedOutput>,
    /// Whether an output goes out as raw bytes: for each that is wanted, and for all where none is
    /// named.
    binary: Vec<bool>,
    by_default: bool,
}

impl Form {
    /// What a request says about its response; the requested outputs are taken out of it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadData`](streeling_core::ErrorKind) for parameters of a wrong kind.
    pub fn take(request: &mut InferRequest) -> Result<Self> {
        let by_default = flag(&request.parameters, BINARY_DATA_OUTPUT, Owner::Request)?;
        let by_default = by_default.unwrap_or(false);
        let requested = std::mem::take(&mut request.outputs);
        let binary = requested.iter().map(|output| {
            let owner = Owner::Output(&output.name);
            Ok(flag(&output.parameters, BINARY_DATA, owner)?.unwrap_or(by_default))
        });
        Ok(Self {
            binary: binary.collect::<Result<_>>()?,
            requested,
            by_default,
        })
    }

    /// Whether the output at this place goes out as raw bytes.
    #[must_use]
    pub fn is_binary(&self, place: usize) -> bool {
        self.binary.get(place).copied().unwrap_or(self.by_default)
    }
}

/// About how many bytes [`encode`] will write.
#[must_use]
pub fn encoded_size(response: &InferResponse, form: &Form) -> usize {
    /// Digits that most numbers have, with the comma.
    const PER_NUMBER: usize = 12;
    const REST: usize = 256;
    let outputs = response.outputs.iter().enumerate();
    let outputs = outputs.map(|(place, NamedTensor { tensor, .. })| {
        let data = tensor.data().len();
        let is_raw = form.is_binary(place) || tensor.dtype() == DType::Bytes;
        let elements = if is_raw {
            data
        } else {
            tensor.len() * PER_NUMBER
        };
        elements + REST
    });
    outputs.sum::<usize>() + REST
}

/// Writes a response. Where outputs go out as raw bytes, they follow the JSON, and the length of
/// that is returned.
pub fn encode(
    response: &InferResponse,
    served: &Served,
    form: &Form,
    out: &mut Vec<u8>,
) -> Option<usize> {
    let start = out.len();
    let mut object = Object::open(out);
    encode_string(&served.name, object.field("model_name"));
    if let Some(version) = &served.version {
        encode_string(version, object.field("model_version"));
    }
    if let Some(id) = &response.id {
        encode_string(id, object.field("id"));
    }
    if !response.parameters.is_empty() {
        write_table(&response.parameters, object.field("parameters"), write_raw);
    }
    let outputs: Vec<_> = response.outputs.iter().enumerate().collect();
    write_list(
        &outputs,
        object.field("outputs"),
        |&(place, output), out| {
            write_output(output, form.is_binary(place), out);
        },
    );
    object.close();
    let length = out.len() - start;
    let mut raw = outputs
        .iter()
        .filter(|(place, _)| form.is_binary(*place))
        .peekable();
    raw.peek()?;
    for (_, output) in raw {
        out.extend_from_slice(output.tensor.data());
    }
    Some(length)
}

fn write_output(output: &NamedTensor, is_binary: bool, out: &mut Vec<u8>) {
    let tensor = &output.tensor;
    let mut object = Object::open(out);
    encode_string(&output.name, object.field("name"));
    let datatype = Datatype::Of(tensor.dtype()).name();
    encode_string(datatype, object.field("datatype"));
    write_list(tensor.shape(), object.field("shape"), |&side, out| {
        write_int(side, out);
    });
    if is_binary || !output.parameters.is_empty() {
        let mut parameters = Object::open(object.field("parameters"));
        for (name, value) in &output.parameters {
            write_raw(value, parameters.entry(name));
        }
        if is_binary {
            write_int(tensor.data().len(), parameters.field(BINARY_DATA_SIZE));
        }
        parameters.close();
    }
    if !is_binary {
        write_flat(tensor, object.field("data"));
    }
    object.close();
}

fn write_raw(value: &RawJson, out: &mut Vec<u8>) {
    out.extend_from_slice(value.as_bytes());
}

/// Writes all elements as one list.
fn write_flat(tensor: &Tensor, out: &mut Vec<u8>) {
    write_elements(tensor, &[tensor.len()], out);
}

/// Writes the elements in lists nested by `shape`.
pub(in crate::oip) fn write_elements(tensor: &Tensor, shape: &[usize], out: &mut Vec<u8>) {
    if tensor.dtype() == DType::F32 {
        // With the digits that a float32 needs, which are half of those of a float64.
        write_nested(tensor.data(), shape, out, |bytes, out| {
            write_f32(f32::from_le_bytes(bytes), out);
        });
    } else {
        write_tensor(tensor, shape, out);
    }
}
