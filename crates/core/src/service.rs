//! The one way in which a model is called.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::memory::{Charge, LARGE, Use};
use crate::meter::Meter;
use crate::method::Method;
use crate::original::{Original, Page, Wants};
use crate::request::{Request, Response};
use crate::request_context::RequestContext;
use crate::stage::Stage;

/// How a caller's messages are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As JSON.
    #[default]
    Json,
    /// As protobuf.
    Protobuf,
    /// As tensors, each with its name and datatype, in whatever form; a response may have several.
    Tensors,
}

/// A request as its caller wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RawMessage {
    /// It is not to hand: what a component that takes raw messages gets is written anew from the
    /// input.
    #[default]
    Unknown,
    /// In the encoding of the context.
    Given {
        /// The message, which is valid in that encoding.
        message: Bytes,
        /// A field of it that is bytes to the component, written as text.
        bytes: Option<&'static str>,
    },
    /// The component has declined it: the plain method is to be called.
    Declined,
}

impl RawMessage {
    /// A message that is nothing but itself.
    #[must_use]
    pub fn given(message: Bytes) -> Self {
        Self::Given {
            message,
            bytes: None,
        }
    }
}

/// The circumstances of a call.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// When the caller stops waiting; `None` for never.
    pub deadline: Option<Instant>,
    /// How the caller's messages are encoded: a component that takes raw messages gets them in this
    /// encoding.
    pub encoding: Encoding,
    /// The request as the caller wrote it, for a component that
    /// [takes raw messages](Service::takes_raw_message).
    pub raw_message: RawMessage,
    /// The request as its transport received it, for a component that [wants](Service::wants) it.
    pub original: Option<Arc<Original>>,
    /// The request that the call belongs to, where one is followed.
    pub request: Option<Arc<RequestContext>>,
}

impl Context {
    /// Says how many bytes the request's body has.
    pub fn set_received(&self, bytes: usize) {
        if let Some(request) = &self.request {
            request.set_received(bytes);
        }
    }

    /// What decoding the request's message, of so many bytes, may take.
    #[must_use]
    pub fn meter(&self, bytes: usize) -> Meter {
        let request = self.request.as_ref();
        let charge = request.and_then(|request| request.charge(Use::Decoded, bytes));
        charge.map_or_else(Meter::unlimited, |charge| Meter::new(charge, bytes))
    }

    /// Keeps what decoding took charged.
    pub fn hold(&self, meter: Meter) {
        if let (Some(request), Some(charge)) = (&self.request, meter.into_charge()) {
            request.hold(charge);
        }
    }

    /// A charge for a response of about so many bytes, if it is one to be charged.
    ///
    /// # Errors
    ///
    /// As [`Charge::grow`].
    pub fn charge_response(&self, bytes: usize) -> Result<Option<Charge>> {
        if bytes < LARGE {
            return Ok(None);
        }
        let request = self.request.as_ref();
        let charge = request.and_then(|request| request.charge(Use::Response, 0));
        charge.map_or(Ok(None), |mut charge| {
            charge.grow(bytes)?;
            Ok(Some(charge))
        })
    }

    /// The time, if the request's stages are shown one by one; else the clock need not be read.
    #[must_use]
    pub fn clock(&self) -> Option<Instant> {
        let request = self.request.as_ref()?;
        request.is_sampled().then(Instant::now)
    }

    /// Records that a stage which started then, by [`Context::clock`], has just ended.
    pub fn record(&self, stage: Stage, since: Option<Instant>) {
        if let (Some(request), Some(since)) = (&self.request, since) {
            request.record(stage, since, Instant::now());
        }
    }
}

/// A call under way, where [`Service::call`] is written without `async`.
pub type Calling<'a> = Pin<Box<dyn Future<Output = Result<Response>> + Send + 'a>>;

/// What transports call: a component, or a layer around another service.
///
/// A call whose future is dropped has lost its caller.
#[async_trait]
pub trait Service: Send + Sync {
    /// Calls a method.
    ///
    /// # Errors
    ///
    /// What the component raises; [`ErrorKind::Internal`](crate::ErrorKind::Internal) when the
    /// input is not what the method takes, which is a fault of the transport.
    async fn call(&self, context: &Context, request: Request) -> Result<Response>;

    /// Whether the method wants the request as the caller wrote it: a transport then gives it in
    /// [`Context::raw_message`], and leaves it undecoded ([`Input::Raw`](crate::Input)) unless it
    /// is feedback, whose reward layers read.
    fn takes_raw_message(&self, _method: Method, _encoding: Encoding) -> bool {
        false
    }

    /// What the component wants to see of a request beside its message: a transport then fills
    /// [`Context::original`].
    fn wants(&self) -> Wants {
        Wants::default()
    }

    /// Whether one of the component's pages lies where a route of the server's is, and takes its
    /// place.
    fn has_page(&self, _verb: &str, _path: &str) -> bool {
        false
    }

    /// Calls the component for [`Context::original`], a request that no route of the server's is
    /// for; `None` where it has no page there, either.
    ///
    /// # Errors
    ///
    /// What the component raises.
    async fn page(&self, _context: &Context) -> Result<Option<Page>> {
        Ok(None)
    }
}

/// Something that is put around a service and is one itself.
pub trait Layer {
    /// Puts it around `inner`.
    fn layer(self, inner: Arc<dyn Service>) -> Arc<dyn Service>;
}
