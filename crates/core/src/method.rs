//! What a component can do.

use crate::request_context::Operation;

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
