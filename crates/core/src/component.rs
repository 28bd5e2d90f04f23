//! What answers requests.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    Call, Error, ErrorKind, Message, Metric, RawJson, Result, Stage, Subject, Table, Tensor,
};

/// What a component can be asked to do.
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
    /// Make one answer of many.
    Aggregate = 5,
    /// Learn from a reward.
    SendFeedback = 6,
    /// Say how it is.
    HealthStatus = 7,
}

impl Method {
    /// Every method, in the order of the codes.
    pub const ALL: [Self; 7] = [
        Self::Predict,
        Self::TransformInput,
        Self::TransformOutput,
        Self::Route,
        Self::Aggregate,
        Self::SendFeedback,
        Self::HealthStatus,
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
        }
    }

    /// What a request for it asks for, as metrics and traces have it.
    #[must_use]
    pub fn subject(self) -> Subject {
        Subject::new(
            self.label(),
            match self {
                Self::Predict => "Predict",
                Self::TransformInput => "TransformInput",
                Self::TransformOutput => "TransformOutput",
                Self::Route => "Route",
                Self::Aggregate => "Aggregate",
                Self::SendFeedback => "SendFeedback",
                Self::HealthStatus => "HealthStatus",
            },
        )
    }

    /// The name of the method in the labels of metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Predict => "predict",
            Self::TransformInput => "inputtransform",
            Self::TransformOutput => "outputtransform",
            Self::Route => "router",
            Self::Aggregate => "aggregate",
            Self::SendFeedback => "feedback",
            Self::HealthStatus => "health",
        }
    }
}

/// What a method is called on.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the one of every hot request"
)]
pub enum Request {
    /// Predict, transform and route take a message.
    Message(Message),
    /// Aggregate takes several.
    Messages(Vec<Message>),
    /// Feedback takes a request with its answer and a reward.
    Feedback(Box<Feedback>),
    /// Health takes nothing.
    Nothing,
}

/// A reward for an earlier answer: `Feedback` of the wire contract.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feedback {
    /// What was asked.
    pub request: Option<Message>,
    /// What was answered.
    pub response: Option<Message>,
    /// How good the answer was.
    pub reward: f32,
    /// What the answer should have been.
    pub truth: Option<Message>,
}

impl Feedback {
    /// The branch that the unit `id` chose when it answered, if the answer tells.
    #[must_use]
    pub fn routing(&self, id: &str) -> Option<i32> {
        self.response.as_ref()?.meta.routing.get(id).copied()
    }
}

/// The circumstances of a call.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// When the caller will have lost interest; `None` for never.
    pub deadline: Option<Instant>,
    /// How the caller's messages are encoded: a component that asks for whole messages gets them
    /// in this encoding.
    pub encoding: Encoding,
    /// The request as the caller wrote it, in that encoding, for a component that
    /// [takes whole messages](Component::takes_whole); without it, what such a component gets is
    /// written anew.
    pub document: Option<Bytes>,
    /// The request that the call belongs to, where one is followed.
    pub call: Option<Arc<Call>>,
}

impl Context {
    /// Says how many bytes the request's body has.
    pub fn received(&self, bytes: usize) {
        if let Some(call) = &self.call {
            call.set_received(bytes);
        }
    }

    /// The time, if the request's stages are shown one by one; else nobody needs to ask the clock.
    #[must_use]
    pub fn clock(&self) -> Option<Instant> {
        let call = self.call.as_ref()?;
        call.is_sampled().then(Instant::now)
    }

    /// Notes that a stage which began then, by [`Context::clock`], has just ended.
    pub fn ended(&self, stage: Stage, since: Option<Instant>) {
        if let (Some(call), Some(since)) = (&self.call, since) {
            call.note(stage, since, Instant::now());
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

/// What a component gives back; the [`Unit`](crate::Unit) makes a message of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The payload.
    pub output: Output,
    /// Names of the columns, where the component has an opinion.
    pub names: Option<Vec<String>>,
    /// Tags to set on the answer.
    pub tags: Table<RawJson>,
    /// Metrics of this call.
    pub metrics: Vec<Metric>,
    /// The place of the worker that answered, for a component that has workers.
    pub worker: Option<usize>,
}

/// The payload of an [`Answer`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Output {
    /// Nothing: an empty message.
    #[default]
    None,
    /// The request's own payload, unchanged.
    Unchanged,
    /// An array of numbers, written in the form that the request had.
    Tensor(Tensor),
    /// An array that is no plain numbers, as nested JSON lists; always written as `ndarray`.
    /// `columns` is its second side, or `None` below two dimensions.
    List {
        /// The nested lists.
        json: RawJson,
        /// The second side of its shape.
        columns: Option<usize>,
    },
    /// Becomes `strData`.
    Text(String),
    /// Becomes `binData`.
    Binary(Bytes),
    /// Becomes `jsonData`.
    Json(RawJson),
    /// Becomes `customData`, which only protobuf can carry.
    Custom {
        /// What the message is.
        type_url: String,
        /// The message, encoded.
        value: Bytes,
    },
    /// A whole message, to be sent as it is.
    Message(Box<Message>),
    /// The bytes of the whole answer, in answer to [`Payload::Raw`](crate::Payload::Raw).
    Raw(Bytes),
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self {
            output,
            ..Self::default()
        }
    }
}

impl From<Tensor> for Answer {
    fn from(tensor: Tensor) -> Self {
        Output::Tensor(tensor).into()
    }
}

/// A model, router, transformer or combiner, whatever it is written in.
///
/// A method that is not overridden answers as the incumbent does for a class without it:
/// transformers hand their input through, feedback is taken and forgotten, health is `healthy`, the rest is
/// [`ErrorKind::NotImplemented`]. A call whose future is dropped has lost its caller.
#[async_trait]
pub trait Component: Send + Sync {
    /// Turns an input into a prediction.
    async fn predict(&self, _context: &Context, _input: &Message) -> Result<Answer> {
        Err(not_implemented("Predict"))
    }

    /// Transforms what goes into a model.
    async fn transform_input(&self, _context: &Context, _input: &Message) -> Result<Answer> {
        Ok(Output::Unchanged.into())
    }

    /// Transforms what comes out of a model.
    async fn transform_output(&self, _context: &Context, _input: &Message) -> Result<Answer> {
        Ok(Output::Unchanged.into())
    }

    /// Chooses a branch: its index, -1 for all, -2 for none.
    async fn route(&self, _context: &Context, _input: &Message) -> Result<Answer> {
        Err(not_implemented("Route"))
    }

    /// Makes one answer of many.
    async fn aggregate(&self, _context: &Context, _inputs: &[Message]) -> Result<Answer> {
        Err(not_implemented("Aggregate"))
    }

    /// Learns from a reward. `routing` is the branch that this unit chose for the request.
    async fn send_feedback(
        &self,
        _context: &Context,
        _feedback: &Feedback,
        _routing: Option<i32>,
    ) -> Result<Answer> {
        Ok(Answer::default())
    }

    /// Says how it is.
    async fn health_status(&self, _context: &Context) -> Result<Answer> {
        Ok(Output::Text("healthy".to_owned()).into())
    }

    /// What the component says about itself, as the JSON of `SeldonModelMetadata`.
    async fn metadata(&self) -> Result<RawJson>;

    /// Whether the method wants to see the request as it was written: a transport then fills
    /// [`Context::document`].
    fn takes_whole(&self, _method: Method, _encoding: Encoding) -> bool {
        false
    }
}

fn not_implemented(method: &str) -> Error {
    Error::new(ErrorKind::NotImplemented, format!("{method} not defined"))
}
