//! Which requests are traced.

use super::variable::{Disclosure, Variable, good};
use crate::context::Context;
use crate::error::ConfigError;
use crate::language::Text;

/// Which requests are traced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Decides about requests whose caller has not.
    pub sampler: Sampler,
    /// Whether the caller's decision counts.
    pub follows_caller: bool,
}

/// A rule that chooses requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sampler {
    /// All, or none.
    Const(bool),
    /// This part of them, from 0 to 1.
    Probabilistic(f64),
    /// So many a second.
    RateLimiting(f64),
}

pub(super) static VARIABLES: &[&Variable] = &[&SAMPLER, &SAMPLER_ARG];

static SAMPLER: Variable = Variable {
    names: &["OTEL_TRACES_SAMPLER"],
    default: Text {
        en: "sampler in JAEGER_CONFIG_PATH, else parentbased_always_on",
        zh: "JAEGER_CONFIG_PATH 中的 sampler，否则为 parentbased_always_on",
    },
    meaning: Text {
        en: "Which requests are traced. Without parentbased, the caller's decision does not count",
        zh: "追踪哪些请求。不带 parentbased 时，调用方的采样决定不起作用",
    },
    allowed: Text {
        en: "one of always_on always_off traceidratio parentbased_always_on \
             parentbased_always_off parentbased_traceidratio",
        zh: "always_on、always_off、traceidratio、parentbased_always_on、parentbased_always_off、\
             parentbased_traceidratio 之一",
    },
    disclosure: Disclosure::Full,
};

static SAMPLER_ARG: Variable = Variable {
    names: &["OTEL_TRACES_SAMPLER_ARG"],
    default: Text { en: "1", zh: "1" },
    meaning: Text {
        en: "The part of them, for traceidratio",
        zh: "traceidratio 的采样比例",
    },
    allowed: Text {
        en: "a number from 0 to 1",
        zh: "0 到 1 的数",
    },
    disclosure: Disclosure::Full,
};

pub(super) fn sampling(context: &mut Context<'_>) -> Result<Option<Sampling>, ConfigError> {
    let sampling = SAMPLER.lenient(context, |_, text| {
        let text = text.to_ascii_lowercase();
        let (follows_caller, rule) = match text.strip_prefix("parentbased_") {
            Some(rule) => (true, rule),
            None => (false, text.as_str()),
        };
        let sampler = match rule {
            "always_on" => Some(Sampler::Const(true)),
            "always_off" => Some(Sampler::Const(false)),
            "traceidratio" => Some(Sampler::Probabilistic(1.0)),
            _ => None,
        };
        good(sampler.map(|sampler| Sampling {
            sampler,
            follows_caller,
        }))
    });
    let Some(mut sampling) = sampling else {
        return Ok(None);
    };
    if let Sampler::Probabilistic(part) = &mut sampling.sampler {
        let given = SAMPLER_ARG.read(context.environment, |_, text| {
            let part: Option<f64> = text.parse().ok();
            good(part.filter(|part| (0.0..=1.0).contains(part)))
        })?;
        *part = given.unwrap_or(1.0);
    }
    Ok(Some(sampling))
}
