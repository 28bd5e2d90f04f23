//! The one way in which a model is called.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::request::{Request, Response};
use crate::request_context::{Operation, RequestContext};
use crate::stage::Stage;

/// What a component can do.
///
/// The numbers of the variants are the codes of the worker protocol (`PROTOCOL.md`) and never
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Method {
    /// Turn an input into a prediction.
    Predict = 1,
    /// Transform what goes into a model.
    TransformInput = 2,
    /// Transform what comes out of a model.
    TransformOutput = 3,
    /// Choose a branch.
    Route = 4,
    /// Make one response of many.
    Aggregate = 5,
    /// Learn from a reward.
    SendFeedback = 6,
    /// Say how it is.
    HealthStatus = 7,
    /// Say what it is: found out when it was loaded, so no worker is entered.
    Metadata = 8,
}

impl Method {
    /// Every method, in the order of the codes.
    pub const ALL: [Self; 8] = [
        Self::Predict,
        Self::TransformInput,
        Self::TransformOutput,
        Self::Route,
        Self::Aggregate,
        Self::SendFeedback,
        Self::HealthStatus,
        Self::Metadata,
    ];

    /// The code of the worker protocol.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The name of the method in a component.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::TransformInput => "transform_input",
            Self::TransformOutput => "transform_output",
            Self::Route => "route",
            Self::Aggregate => "aggregate",
            Self::SendFeedback => "send_feedback",
            Self::HealthStatus => "health_status",
            Self::Metadata => "init_metadata",
        }
    }

    /// What a request for it is for, as metrics and traces have it.
    #[must_use]
    pub const fn operation(self) -> Operation {
        Operation::new(
            self.label(),
            match self {
                Self::Predict => "Predict",
                Self::TransformInput => "TransformInput",
                Self::TransformOutput => "TransformOutput",
                Self::Route => "Route",
                Self::Aggregate => "Aggregate",
                Self::SendFeedback => "SendFeedback",
                Self::HealthStatus => "HealthStatus",
                Self::Metadata => "Metadata",
            },
        )
    }

    /// The name of the method in the labels of metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::TransformInput => "inputtransform",
            Self::TransformOutput => "outputtransform",
            Self::Route => "router",
            Self::Aggregate => "aggregate",
            Self::SendFeedback => "feedback",
            Self::HealthStatus => "health",
            Self::Metadata => "metadata",
        }
    }
}

/// How a caller's messages are encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// As JSON.
    #[default]
    Json,
    /// As protobuf.
    Protobuf,
}

/// The circumstances of a call.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// When the caller stops waiting; `None` for never.
    pub deadline: Option<Instant>,
    /// How the caller's messages are encoded: a component that takes raw messages gets them in this
    /// encoding.
    pub encoding: Encoding,
    /// The request as the caller wrote it, in that encoding, for a component that
    /// [takes raw messages](Service::takes_raw_message); without it, what such a component gets is
    /// written anew.
    pub raw_message: Option<Bytes>,
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

    /// Whether the method wants the request as the caller wrote it: a transport then fills
    /// [`Context::raw_message`].
    fn takes_raw_message(&self, _method: Method, _encoding: Encoding) -> bool {
        false
    }
}

/// Something that is put around a service and is one itself.
pub trait Layer {
    /// Puts it around `inner`.
    fn layer(self, inner: Arc<dyn Service>) -> Arc<dyn Service>;
}
