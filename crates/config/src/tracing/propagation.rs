//! Which headers bring a caller's trace.

use super::variable::{Disclosure, Variable};
use crate::context::Context;
use crate::language::Text;

/// Headers that bring a caller's trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagator {
    /// `uber-trace-id`.
    Jaeger,
    /// `traceparent`.
    TraceContext,
    /// `b3`, or `x-b3-traceid` and its like.
    B3,
}

/// The words of [`Propagator::parse`].
pub(super) const PROPAGATIONS: &str = "one of jaeger b3 w3c";

impl Propagator {
    /// The word that Jaeger's clients know it by.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "jaeger" => Some(Self::Jaeger),
            "w3c" => Some(Self::TraceContext),
            "b3" => Some(Self::B3),
            _ => None,
        }
    }
}

pub(super) static VARIABLES: &[&Variable] = &[&PROPAGATORS];

static PROPAGATORS: Variable = Variable {
    names: &["OTEL_PROPAGATORS"],
    default: Text {
        en: "those of JAEGER_TRACE_PROPAGATION_TYPE",
        zh: "JAEGER_TRACE_PROPAGATION_TYPE 所指的各种",
    },
    meaning: Text {
        en: "Which headers bring a caller's trace: these, and no others. baggage is accepted, and \
             not read",
        zh: "从哪些请求头读取调用方的追踪上下文：只读这些。baggage 可以写，但不会读取",
    },
    allowed: Text {
        en: "tracecontext, baggage, b3, b3multi and jaeger with commas between, or none",
        zh: "以逗号分隔的 tracecontext、baggage、b3、b3multi、jaeger，或 none",
    },
    disclosure: Disclosure::Full,
};

/// `None` also where all that is named is unknown.
pub(super) fn propagators(context: &mut Context<'_>) -> Option<Vec<Propagator>> {
    let (_, found) = PROPAGATORS.words(context, |word| match word {
        "tracecontext" => Some(Some(Propagator::TraceContext)),
        "b3" | "b3multi" => Some(Some(Propagator::B3)),
        "jaeger" => Some(Some(Propagator::Jaeger)),
        "baggage" | "none" => Some(None),
        _ => None,
    })?;
    let mut propagators = Vec::new();
    for one in found.iter().flatten() {
        if !propagators.contains(one) {
            propagators.push(*one);
        }
    }
    (!found.is_empty()).then_some(propagators)
}
