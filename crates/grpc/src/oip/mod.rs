//! The Open Inference Protocol (V2) over gRPC: the service `inference.GRPCInferenceService`.

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
use streeling_core::{Encoding, Error, ErrorKind, Input, Meter, Method, Response, Result};
use streeling_proto::inference::FILE_DESCRIPTOR_SET;
use tonic::Status;

use crate::protocol::{Decoded, Form, Protocol, Route};
use model::Model;

pub use model::Reload;
pub use streeling_codec::oip::Served;

/// The Open Inference Protocol, for one model.
///
/// `ModelInfer` calls one method of the model, whichever was chosen. Who sends raw elements gets
/// raw ones, who sends typed ones typed ones, except those of FP16, which has no list for them.
#[derive(Clone)]
pub struct Oip {
    model: Model,
    infer: Method,
    refusal: Option<String>,
}

impl Oip {
    /// Serves a model, whose method `infer` is what `ModelInfer` calls. It must be one that takes
    /// a single message; any other is refused as not implemented.
    #[must_use]
    pub fn new(served: Served, infer: Method) -> Self {
        Self {
            model: Model {
                served,
                reload: None,
            },
            infer,
            refusal: None,
        }
    }

    /// Refuses `ModelInfer` as not implemented, and says why.
    #[must_use]
    pub fn without_infer(mut self, why: impl Into<String>) -> Self {
        self.refusal = Some(why.into());
        self
    }

    /// Has `RepositoryModelLoad` load the model again, which responds before that is done. Without
    /// it the method is not implemented.
    #[must_use]
    pub fn with_reload(mut self, reload: Reload) -> Self {
        self.model.reload = Some(reload);
        self
    }

    /// What `ModelInfer` calls its method on.
    fn infer(&self, message: &Bytes, memory: &Meter) -> Result<(Input, Form)> {
        if let Some(why) = &self.refusal {
            return Err(Error::new(ErrorKind::NotImplemented, why));
        }
        if !takes_a_message(self.infer) {
            let info = format!("ModelInfer has no message for {}", self.infer.name());
            return Err(Error::new(ErrorKind::NotImplemented, info));
        }
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
        let input = oip::message(request, memory)?;
        let form: Form = Some(Arc::new(Wanted { outputs, is_raw }));
        Ok((Input::Message(input), form))
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
            // All of them can be had while the model is not ready.
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
        let nothing = Wanted::default();
        let wanted = form.as_deref().and_then(|form| form.downcast_ref());
        let wanted: &Wanted = wanted.unwrap_or(&nothing);
        let response = oip::response(response.message.clone(), &wanted.outputs)?;
        proto::encode_response(&self.model.served, &response, wanted.is_raw, out)
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
            .field("refusal", &self.refusal)
            .field("reloads", &self.model.reload.is_some())
            .finish()
    }
}
