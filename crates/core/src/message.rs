//! The message that requests and answers are made of.

use bytes::Bytes;

use crate::{Meta, Names, RawJson, Tensor};

/// One request or answer: `SeldonMessage` of the wire contract, without its encoding.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Message {
    /// How it went; only in answers.
    pub status: Option<Status>,
    /// Ids, tags and the rest that travels beside the payload.
    pub meta: Meta,
    /// What the message is about.
    pub payload: Payload,
}

/// The payload of a [`Message`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Payload {
    /// None at all: legal in answers only.
    #[default]
    None,
    /// `data`: an array with names.
    Data(Data),
    /// `strData`.
    Text(String),
    /// `binData`.
    Binary(Bytes),
    /// `jsonData`.
    Json(RawJson),
    /// `customData`: a message of the user's own, which only protobuf can carry.
    Custom {
        /// What the message is.
        type_url: String,
        /// The message, encoded.
        value: Bytes,
    },
    /// A whole message that nobody has looked into, in the pieces in which it came; names and meta
    /// are inside, if anywhere.
    Raw(Vec<Bytes>),
}

impl Payload {
    /// About how many bytes it takes where a number takes `per_number`: to make room once for what
    /// is about to be written.
    #[must_use]
    pub fn size(&self, per_number: usize) -> usize {
        // Keys, lengths and brackets.
        const REST: usize = 256;
        let content = match self {
            Self::None => 0,
            Self::Data(data) => match &data.array {
                Array::Typed(tensor) => tensor.len() * per_number,
                Array::Json(json) => json.as_bytes().len(),
            },
            Self::Text(text) => text.len(),
            Self::Binary(bytes) | Self::Custom { value: bytes, .. } => bytes.len(),
            Self::Json(json) => json.as_bytes().len(),
            Self::Raw(pieces) => pieces.iter().map(Bytes::len).sum(),
        };
        content + REST
    }
}

/// `data`: an array, the names of its columns, and the form in which it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Names of the columns; may be empty.
    pub names: Names,
    /// The form on the wire.
    pub form: Form,
    /// The array itself.
    pub array: Array,
}

/// The forms in which `data` can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Form {
    /// Nested lists.
    NdArray = 1,
    /// A shape and a flat list of values.
    Tensor = 2,
    /// TensorFlow's `TensorProto`.
    TfTensor = 3,
    /// `data` that names no form: an empty array.
    Empty = 4,
}

/// The array of a [`Data`].
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Numbers, all of one dtype.
    Typed(Tensor),
    /// What only NumPy can decide on (text, nulls, ragged lists, integers beyond 64 bits, a tensor
    /// whose shape and values differ), as the JSON of the form: the nested list of an `ndarray`,
    /// the object of a `tensor` or `tftensor`.
    Json(RawJson),
}

/// `status` of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// A number of the component's choosing; over REST also the HTTP status.
    pub code: i32,
    /// Text for a person.
    pub info: String,
    /// Text for a program.
    pub reason: String,
    /// Whether it says failure.
    pub failure: bool,
}
