//! The Open Inference Protocol (V2) over gRPC: the service `inference.GRPCInferenceService`.
//!
//! | | |
//! |---|---|
//! | `ModelInfer` | calls one method, which [`Oip::new`] is given |
//! | elements of outputs | raw for a request whose elements are raw, else typed; where one output is FP16, which has no list, all are raw |
//! | `ModelMetadata` | what the component says of itself, under the name by which it is served |
//! | `ServerLive`, `ServerReady`, `ModelReady` | need no token, and respond while the model is not ready, too |
//! | `RepositoryModelLoad` | loads the one model anew, where [`Oip::with_reload`] says how; it responds before that is done |
//! | `RepositoryModelUnload` | is not implemented |
//! | statuses | `INVALID_ARGUMENT` what cannot be understood, `NOT_FOUND` another model or version, `UNIMPLEMENTED` what the component lacks, `UNAVAILABLE` not ready, `RESOURCE_EXHAUSTED` overloaded or too large, `DEADLINE_EXCEEDED`, `UNAUTHENTICATED`, `UNKNOWN` what the component raises, `INTERNAL` the rest; a component's exception may choose its own |
//! | details | `google.rpc.ErrorInfo` with a reason, and `RetryInfo` where trying again makes sense |
//!
//! What inputs mean to a component, and its response to a client, is in `streeling_codec::oip`.

mod metadata;
mod model;
mod pages;
mod routes;
mod status;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use streeling_codec::oip::proto::{self, ModelInfer, ModelName};
use streeling_codec::oip::{self, RequestedOutput};
use streeling_core::{Encoding, Error, Input, Meter, Method, Response, Result};
use streeling_proto::inference::FILE_DESCRIPTOR_SET;
use tonic::Status;

use crate::protocol::{Decoded, Form, Protocol, Route};
use model::Model;

pub use model::Reload;
pub use streeling_codec::oip::Served;

/// The Open Inference Protocol, for one model.
#[derive(Clone)]
pub struct Oip {
    model: Model,
    /// One that takes a single message.
    infer: Option<Method>,
}

impl Oip {
    /// The protocol of a server of one model, the `infer` method of which inference calls: predict,
    /// one of the transforms, or route. With any other, or none, inference is not implemented.
    #[must_use]
    pub fn new(served: Served, infer: impl Into<Option<Method>>) -> Self {
        let infer = infer.into().filter(|&infer| takes_a_message(infer));
        Self {
            model: Model {
                served,
                reload: None,
            },
            infer,
        }
    }

    /// Has a request to load the model call this, which must not wait. Without it such requests
    /// are not implemented.
    #[must_use]
    pub fn with_reload(mut self, reload: Reload) -> Self {
        self.model.reload = Some(reload);
        self
    }

    /// What inference calls its method on.
    fn infer(&self, message: &Bytes, memory: &Meter) -> Result<(Input, Form)> {
        let ModelInfer {
            model,
            version,
            is_raw,
            mut request,
        } = proto::decode_request(message, memory)?;
        self.model.expect(ModelName {
            name: &model,
            version: &version,
        })?;
        let outputs = std::mem::take(&mut request.outputs);
        let id = request.id.clone();
        let input = oip::message(request, memory)?;
        let form: Form = Some(Arc::new(Wanted {
            outputs,
            id,
            is_raw,
        }));
        Ok((Input::Message(input), form))
    }

    fn write(&self, response: &Response, form: &Form, out: &mut Vec<u8>) -> Result<()> {
        let nothing = Wanted::default();
        let wanted = form.as_deref().and_then(|form| form.downcast_ref());
        let wanted: &Wanted = wanted.unwrap_or(&nothing);
        let mut response = oip::response(response.message.clone(), &wanted.outputs)?;
        if response.id.is_none() {
            response.id.clone_from(&wanted.id);
        }
        proto::encode_response(&self.model.served, &response, wanted.is_raw, out)
    }
}

/// Whether a method is called on a single message.
fn takes_a_message(method: Method) -> bool {
    match method {
        Method::Predict | Method::TransformInput | Method::TransformOutput | Method::Route => true,
        Method::Aggregate | Method::SendFeedback | Method::HealthStatus | Method::Metadata => false,
    }
}

/// What a request says about its response.
#[derive(Debug, Default)]
struct Wanted {
    outputs: Vec<RequestedOutput>,
    id: Option<String>,
    is_raw: bool,
}

impl Protocol for Oip {
    fn routes(&self) -> &'static [Route] {
        routes::of(self.infer)
    }

    fn encoding(&self) -> Encoding {
        Encoding::Tensors
    }

    fn descriptors(&self) -> &'static [u8] {
        FILE_DESCRIPTOR_SET
    }

    fn is_probe(&self, route: &Route) -> bool {
        pages::is_probe(route.action)
    }

    fn page(
        &self,
        page: &'static str,
        message: Option<&[u8]>,
        is_ready: bool,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match message {
            Some(message) => pages::write(&self.model, page, message, is_ready, out),
            // Each of them may be called while the model is not ready.
            None => Ok(()),
        }
    }

    fn decode(&self, method: Method, message: &Bytes, memory: &Meter) -> Result<Decoded> {
        let (input, form) = if method == Method::Metadata {
            self.model.expect(proto::decode_model(message)?)?;
            (Input::None, None)
        } else {
            self.infer(message, memory)?
        };
        Ok(Decoded {
            model: Some(self.model.served.name.clone()),
            input,
            form,
        })
    }

    fn encode(
        &self,
        method: Method,
        response: &Response,
        form: &Form,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        if method == Method::Metadata {
            let model = metadata::of(&self.model.served, &response.message.payload)?;
            proto::encode_model(&model, out);
            return Ok(());
        }
        self.write(response, form, out)
    }

    fn status(&self, error: &Error) -> Status {
        status::of_error(error)
    }
}

impl fmt::Debug for Oip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oip")
            .field("served", &self.model.served)
            .field("infer", &self.infer)
            .field("reloads", &self.model.reload.is_some())
            .finish()
    }
}
