//! What waits for the exporter.

use std::time::Duration;

use super::variable::{Disclosure, MILLIS, Variable, good};
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::language::Text;

/// What waits for the exporter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanLimits {
    /// Spans that may wait.
    pub queue: usize,
    /// Spans of one export, not above `queue`.
    pub batch: usize,
    /// The longest that a span waits for others.
    pub delay: Duration,
    /// What one export may take, with all its tries.
    pub timeout: Duration,
}

pub(super) static VARIABLES: &[&Variable] = &[&DELAY, &QUEUE, &BATCH, &TIMEOUT];

static DELAY: Variable = Variable {
    names: &["OTEL_BSP_SCHEDULE_DELAY"],
    default: Text {
        en: "5000, for Jaeger 1000",
        zh: "5000，用 Jaeger 时为 1000",
    },
    meaning: Text {
        en: "The longest that a span waits for others",
        zh: "一个 span 等待与其他 span 一起发送的最长时间",
    },
    allowed: MILLIS,
    disclosure: Disclosure::Full,
};

static QUEUE: Variable = Variable {
    names: &["OTEL_BSP_MAX_QUEUE_SIZE"],
    default: Text {
        en: "2048",
        zh: "2048",
    },
    meaning: Text {
        en: "Spans that may wait; more are dropped, and counted",
        zh: "允许排队的 span 数；超出的被丢弃并计数",
    },
    allowed: Text {
        en: "a whole number from 16 to 1000000",
        zh: "16 到 1000000 的整数",
    },
    disclosure: Disclosure::Full,
};

static BATCH: Variable = Variable {
    names: &["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"],
    default: Text {
        en: "512",
        zh: "512",
    },
    meaning: Text {
        en: "Spans of one export, not above the queue; those of one request go together",
        zh: "一次导出的 span 数，不超过队列长度；同一请求的 span 一起发送",
    },
    allowed: Text {
        en: "a whole number from 1 to 1000000",
        zh: "1 到 1000000 的整数",
    },
    disclosure: Disclosure::Full,
};

static TIMEOUT: Variable = Variable {
    names: &["OTEL_BSP_EXPORT_TIMEOUT"],
    default: Text {
        en: "30000",
        zh: "30000",
    },
    meaning: Text {
        en: "What one export may take, with all its tries",
        zh: "一次导出（含所有重试）的时限",
    },
    allowed: MILLIS,
    disclosure: Disclosure::Full,
};

pub(super) fn limits(environment: &Environment, is_otlp: bool) -> Result<SpanLimits, ConfigError> {
    let count = |variable: &Variable, least: usize| {
        variable.read(environment, |_, text| {
            let count: Option<usize> = text.parse().ok();
            good(count.filter(|count| (least..=1_000_000).contains(count)))
        })
    };
    // What one request makes must fit in.
    let queue = count(&QUEUE, 16)?.unwrap_or(2048);
    let delay = Duration::from_secs(if is_otlp { 5 } else { 1 });
    Ok(SpanLimits {
        queue,
        batch: count(&BATCH, 1)?.unwrap_or(512).min(queue),
        delay: DELAY.time(environment)?.unwrap_or(delay),
        timeout: TIMEOUT
            .time(environment)?
            .unwrap_or(Duration::from_secs(30)),
    })
}
