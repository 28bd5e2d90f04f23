//! Who sends spans.

use super::variable::{Disclosure, Variable, good};
use crate::context::Context;
use crate::kind::boolean;
use crate::language::Text;

/// Who sends spans.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exporter {
    Otlp,
    Jaeger,
    /// Tracing is switched off.
    None,
}

pub(super) static VARIABLES: &[&Variable] = &[&DISABLED, &EXPORTER];

static DISABLED: Variable = Variable {
    names: &["OTEL_SDK_DISABLED"],
    default: Text {
        en: "false",
        zh: "false",
    },
    meaning: Text {
        en: "Switches tracing off, whatever TRACING says",
        zh: "关闭追踪，不论 TRACING 取何值",
    },
    allowed: Text {
        en: "true or false",
        zh: "true 或 false",
    },
    disclosure: Disclosure::Full,
};

pub(super) fn is_disabled(context: &mut Context<'_>) -> bool {
    DISABLED.lenient(context, |_, text| good(boolean(text))) == Some(true)
}

pub(super) static EXPORTER: Variable = Variable {
    names: &["OTEL_TRACES_EXPORTER"],
    default: Text {
        en: "jaeger where JAEGER_AGENT_HOST or JAEGER_CONFIG_PATH is set, else otlp where an \
             endpoint for it is, else jaeger",
        zh: "设置了 JAEGER_AGENT_HOST 或 JAEGER_CONFIG_PATH 时为 jaeger，否则设置了 OTLP 端点时为 \
             otlp，否则为 jaeger",
    },
    meaning: Text {
        en: "Who sends spans: the first of a list that this server has. none switches tracing off",
        zh: "使用哪个导出器（exporter）发送 span：取列表中本服务器支持的第一个。none 关闭追踪",
    },
    allowed: Text {
        en: "otlp and jaeger with commas between, or none",
        zh: "以逗号分隔的 otlp 和 jaeger，或 none",
    },
    disclosure: Disclosure::Full,
};

/// The exporter that is named, and the variable that names it.
pub(super) fn exporter(context: &mut Context<'_>) -> Option<(Exporter, &'static str)> {
    let (name, found) = EXPORTER.words(context, |word| match word {
        "otlp" => Some(Exporter::Otlp),
        "jaeger" => Some(Exporter::Jaeger),
        "none" => Some(Exporter::None),
        _ => None,
    })?;
    let sends = found.iter().find(|one| **one != Exporter::None);
    let first = *sends.or(found.first())?;
    if found
        .iter()
        .any(|one| *one != first && *one != Exporter::None)
    {
        context.warn(format!(
            "{name} names two exporters: the first one counts, the other is left out"
        ));
    }
    Some((first, name))
}
