//! Seldon Core's protocol over gRPC: the services, messages and statuses of `SeldonMessage`.

mod metadata;
mod routes;
mod status;

use bytes::Bytes;
use streeling_codec::DecodeError;
use streeling_codec::seldon::proto::{self, Decoder, Limits};
use streeling_core::{Error, ErrorKind, Input, Limit, Meter, Method, Response, Result};
use streeling_proto::FILE_DESCRIPTOR_SET;
use tonic::Status;

use crate::protocol::{Decoded, Form, Protocol, Route};

/// Seldon Core's protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seldon;

impl Protocol for Seldon {
    fn routes(&self) -> &'static [Route] {
        routes::ROUTES
    }

    fn descriptors(&self) -> &'static [u8] {
        FILE_DESCRIPTOR_SET
    }

    /// The one page is the metadata of a graph, and there is no graph here.
    fn page(
        &self,
        _page: &'static str,
        _message: Option<&[u8]>,
        is_ready: bool,
        _out: &mut Vec<u8>,
    ) -> Result<()> {
        if !is_ready {
            return Err(Error::not_ready());
        }
        let text = "GraphMetadata not available on the Model level.";
        Err(Error::new(ErrorKind::NotImplemented, text))
    }

    fn has_raw_messages(&self) -> bool {
        true
    }

    fn decode(&self, method: Method, message: &Bytes, memory: &Meter) -> Result<Decoded> {
        let input = match input(method, message, memory) {
            Ok(input) => input,
            Err(DecodeError::Memory { error, .. }) => return Err(*error),
            Err(error @ DecodeError::TooDeep { .. }) => {
                let error = Error::new(ErrorKind::BadData, error.to_string());
                return Err(error.beyond(Limit::JsonDepth));
            }
            Err(error) => return Err(Error::new(ErrorKind::BadData, error.to_string())),
        };
        Ok(Decoded {
            model: None,
            input,
            form: None,
        })
    }

    fn encode(
        &self,
        method: Method,
        response: &Response,
        _form: &Form,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let message = &response.message;
        if method == Method::Metadata {
            return metadata::encode(&message.payload, out);
        }
        proto::encode_message(message, out)
            .map_err(|error| Error::new(ErrorKind::Component, error.to_string()))
    }

    fn status(&self, error: &Error) -> Status {
        status::of_error(error)
    }
}

fn input(
    method: Method,
    message: &Bytes,
    memory: &Meter,
) -> std::result::Result<Input, DecodeError> {
    let decoder = Decoder::new(Limits::default(), memory);
    match method {
        Method::Predict | Method::TransformInput | Method::TransformOutput | Method::Route => {
            decoder.message(message).map(Input::Message)
        }
        Method::Aggregate => decoder.messages(message).map(Input::Messages),
        Method::SendFeedback => decoder
            .feedback(message)
            .map(|feedback| Input::Feedback(Box::new(feedback))),
        Method::HealthStatus | Method::Metadata => Ok(Input::None),
    }
}
