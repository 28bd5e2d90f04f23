//! The short messages: about the server, its models and their repository.

use streeling_core::Result;

use super::reader::unreadable;
use crate::error::Result as DecodeResult;
use crate::protobuf::body;
use crate::protobuf::wire::{Field, Fields, INTEGER, Span, TEXT};
use crate::protobuf::write::{bytes, infallible, nested, present_bytes, varint};

/// The model that a message is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelName<'a> {
    /// Its name; empty where it is not given.
    pub name: &'a str,
    /// Its version; empty where it does not matter.
    pub version: &'a str,
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Server<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// What it can do beside the specification.
    pub extensions: &'a [&'a str],
}

/// What is known of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelMetadata {
    /// Its name.
    pub name: String,
    /// The versions that can be called.
    pub versions: Vec<String>,
    /// What it was made with.
    pub platform: String,
    /// What goes in.
    pub inputs: Vec<TensorMetadata>,
    /// What comes out.
    pub outputs: Vec<TensorMetadata>,
}

/// What is known of an input or output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TensorMetadata {
    /// Its name.
    pub name: String,
    /// The type of its elements.
    pub datatype: String,
    /// Its sides, -1 for one of any length.
    pub shape: Vec<i64>,
}

/// Whether a model can be called, as the index of a repository has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelState<'a> {
    /// The model.
    pub model: ModelName<'a>,
    /// `READY`, `LOADING`, `UNAVAILABLE`.
    pub state: &'a str,
    /// Why it cannot be called; empty where it can.
    pub reason: &'a str,
}

/// Reads a `ModelReadyRequest` or `ModelMetadataRequest`.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for bytes that are no such message.
pub fn decode_model(message: &[u8]) -> Result<ModelName<'_>> {
    let mut model = ModelName::default();
    each(message, |field| {
        match field.number {
            1 => set(message, field, "name", &mut model.name)?,
            2 => set(message, field, "version", &mut model.version)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(model)
}

/// Reads a `RepositoryModelLoadRequest` or `RepositoryModelUnloadRequest`: the model's name. The
/// parameters are not looked at.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for bytes that are no such message.
pub fn decode_repository_model(message: &[u8]) -> Result<&str> {
    let mut name = "";
    each(message, |field| {
        if field.number == 2 {
            set(message, field, "model_name", &mut name)?;
        }
        Ok(())
    })?;
    Ok(name)
}

/// Reads a `RepositoryIndexRequest`: whether models that cannot be called are left out.
///
/// # Errors
///
/// [`ErrorKind::BadData`](streeling_core::ErrorKind) for bytes that are no such message.
pub fn decode_index(message: &[u8]) -> Result<bool> {
    let mut is_ready = false;
    each(message, |field| {
        if field.number == 2
            && let Ok(value) = field.varint(INTEGER)
        {
            is_ready = value != 0;
        }
        Ok(())
    })?;
    Ok(is_ready)
}

/// Appends a `ServerLiveResponse`, `ServerReadyResponse` or `ModelReadyResponse`.
pub fn encode_flag(value: bool, out: &mut Vec<u8>) {
    if value {
        out.extend_from_slice(&[1 << 3, 1]);
    }
}

/// Appends a `ServerMetadataResponse`.
pub fn encode_server(server: &Server<'_>, out: &mut Vec<u8>) {
    bytes(1, server.name.as_bytes(), out);
    bytes(2, server.version.as_bytes(), out);
    for extension in server.extensions {
        present_bytes(3, extension.as_bytes(), out);
    }
}

/// Appends a `ModelMetadataResponse`.
pub fn encode_model(model: &ModelMetadata, out: &mut Vec<u8>) {
    bytes(1, model.name.as_bytes(), out);
    for version in &model.versions {
        present_bytes(2, version.as_bytes(), out);
    }
    bytes(3, model.platform.as_bytes(), out);
    for (number, tensors) in [(4, &model.inputs), (5, &model.outputs)] {
        for tensor in tensors {
            infallible(nested(number, out, |out| {
                write_tensor(tensor, out);
                Ok(())
            }));
        }
    }
}

fn write_tensor(tensor: &TensorMetadata, out: &mut Vec<u8>) {
    bytes(1, tensor.name.as_bytes(), out);
    bytes(2, tensor.datatype.as_bytes(), out);
    let mut sides = Vec::new();
    for side in &tensor.shape {
        varint(u64::from_le_bytes(side.to_le_bytes()), &mut sides);
    }
    bytes(3, &sides, out);
}

/// Appends a `RepositoryIndexResponse`.
pub fn encode_index(models: &[ModelState<'_>], out: &mut Vec<u8>) {
    for ModelState {
        model,
        state,
        reason,
    } in models
    {
        infallible(nested(1, out, |out| {
            let texts = [model.name, model.version, state, reason];
            for (number, text) in (1..).zip(texts) {
                bytes(number, text.as_bytes(), out);
            }
            Ok(())
        }));
    }
}

/// Calls `each` with every field of a message.
fn each(message: &[u8], mut each: impl FnMut(&Field) -> DecodeResult<()>) -> Result<()> {
    let whole = Span {
        start: 0,
        end: message.len(),
    };
    let mut fields = Fields::new(message, whole);
    let mut all = || {
        while let Some(field) = fields.next()? {
            each(&field)?;
        }
        Ok(())
    };
    all().map_err(unreadable)
}

/// Reads text; a field of another type is an unknown one.
fn set<'a>(message: &'a [u8], field: &Field, name: &str, text: &mut &'a str) -> DecodeResult<()> {
    if let Ok(span) = field.span(TEXT) {
        *text = body::text(message, span).map_err(|error| error.inside(name))?;
    }
    Ok(())
}
