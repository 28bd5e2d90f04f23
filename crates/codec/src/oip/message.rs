//! Requests and responses of the protocol, in whichever form they were written.

use streeling_core::{RawJson, Table, Tensor};

/// What a caller may say beside tensors: texts, numbers and booleans, as JSON.
pub type Parameters = Table<RawJson>;

/// A request of inference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferRequest {
    /// The caller's name for the request, which comes back with the response.
    pub id: Option<String>,
    /// Of the request as a whole.
    pub parameters: Parameters,
    /// What goes in, in the order of the request.
    pub inputs: Vec<NamedTensor>,
    /// The outputs that the caller wants, and how; all of them where there is none.
    pub outputs: Vec<RequestedOutput>,
}

/// An input or output.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// What may be said of it: `content_type`, `names`.
    pub parameters: Parameters,
    /// Datatype, shape and elements.
    pub tensor: Tensor,
}

/// An output that a caller wants.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestedOutput {
    /// Its name.
    pub name: String,
    /// How it is wanted: `binary_data`.
    pub parameters: Parameters,
}

/// A response of inference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InferResponse {
    /// The name that the caller gave the request, or else the server.
    pub id: Option<String>,
    /// Of the response as a whole: the tags of the component.
    pub parameters: Parameters,
    /// What came out.
    pub outputs: Vec<NamedTensor>,
}

/// What the protocol's responses say about the one model of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// Its name.
    pub name: String,
    /// Its version, if it has one.
    pub version: Option<String>,
}
