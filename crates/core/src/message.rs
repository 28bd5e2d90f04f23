//! The messages that requests and responses are made of.

use bytes::Bytes;

use crate::meta::Meta;
use crate::names::Names;
use crate::raw::RawJson;
use crate::tensor::Tensor;

/// A payload with what travels beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// How it went; only in responses, where the component says so itself.
    ///
    /// In a box, because few have one, and messages are moved a lot.
    pub status: Option<Box<Status>>,
    /// Ids, parameters and the rest that travels beside the payload.
    pub meta: Meta,
    /// What the message is about.
    pub payload: Payload,
}

/// The payload of a [`Message`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Payload {
    /// None at all.
    #[default]
    None,
    /// An array, the columns of which may have names.
    Array(Array),
    /// Several inputs or outputs, each with its name, in their order.
    Named(Vec<Named>),
    /// Several inputs of one row length each, which are the columns of one array, each with its
    /// name, in their order; only in requests.
    Columns(Vec<Named>),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Bytes),
    /// A JSON value.
    Json(RawJson),
    /// Text with half of a surrogate pair in it, which is no Unicode: a JSON string.
    Quoted(RawJson),
    /// A protobuf message of the user's own: `google.protobuf.Any`.
    Any {
        /// What the message is.
        type_url: String,
        /// The message, encoded.
        value: Bytes,
    },
    /// A whole body that the server does not look into, in the pieces in which it came; names and
    /// meta are inside, if anywhere.
    Opaque(Vec<Bytes>),
}

/// One of several inputs or outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What it holds; never [`Payload::Named`], [`Payload::Columns`] or [`Payload::Opaque`].
    pub payload: Payload,
}

impl Message {
    /// About how many bytes its names and its meta take as JSON, to know whether they are large.
    #[must_use]
    pub fn size_beside_payload(&self) -> usize {
        let names = match &self.payload {
            Payload::Array(array) => array.names.size(),
            _ => 0,
        };
        names + self.meta.size()
    }
}

impl Payload {
    /// About how many bytes it takes where a number takes `per_number`: to allocate once for what
    /// is about to be written.
    #[must_use]
    pub fn size(&self, per_number: usize) -> usize {
        // Keys, lengths and brackets.
        const REST: usize = 256;
        let content = match self {
            Self::None => 0,
            Self::Array(array) => match &array.elements {
                Elements::Typed(tensor) => match tensor.dtype().size() {
                    Some(_) => tensor.len() * per_number,
                    None => tensor.data().len(),
                },
                Elements::Json(json) => json.as_bytes().len(),
            },
            Self::Named(all) | Self::Columns(all) => {
                all.iter().map(|one| one.payload.size(per_number)).sum()
            }
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) | Self::Any { value: bytes, .. } => bytes.len(),
            Self::Json(json) | Self::Quoted(json) => json.as_bytes().len(),
            Self::Opaque(pieces) => pieces.iter().map(Bytes::len).sum(),
        };
        content + REST
    }
}

impl From<Tensor> for Payload {
    fn from(tensor: Tensor) -> Self {
        Self::Array(Array {
            names: Names::Unset,
            layout: Layout::Unset,
            elements: Elements::Typed(tensor),
        })
    }
}

/// An array, the names of its columns, and the layout in which it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Names of the columns; may be empty.
    pub names: Names,
    /// How it was, or is to be, written.
    pub layout: Layout,
    /// The elements.
    pub elements: Elements,
}

/// The layouts in which protocols write arrays. A response is laid out as its request was, where
/// the protocol has the choice.
///
/// The numbers of the variants are the codes of the worker protocol (`PROTOCOL.md`) and never
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Layout {
    /// Nested lists.
    Nested = 1,
    /// A shape and a flat list of values.
    Flat = 2,
    /// TensorFlow's `TensorProto`.
    TensorProto = 3,
    /// The message does not say: in a request an empty array, in a response whatever suits.
    Unset = 4,
}

/// The elements of an [`Array`].
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// All of one dtype.
    Typed(Tensor),
    /// What only NumPy can decide on (text, nulls, ragged lists, integers beyond 64 bits, a tensor
    /// whose shape and values differ), as JSON of the layout: a nested list, or an object.
    Json(RawJson),
}

/// How a component says that it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// A number of the component's choosing; over HTTP also the status.
    pub code: i32,
    /// Text for a person.
    pub info: String,
    /// Text for a program.
    pub reason: String,
    /// Whether it says failure.
    pub failure: bool,
}
