//! Traces: whether there are any, and what Jaeger's own variables say. Those of OpenTelemetry are
//! rows of their own form, in `crate::tracing`.

use std::path::PathBuf;

use crate::draft::Part;
use crate::kind::{AnyText, Bool, File, LinkedPort};
use crate::language::Text;
use crate::row::DefaultValue::{self, Typed};
use crate::row::Flag::{self, Bare};
use crate::row::{Group, Row, Status, To};

/// What is looked at once tracing is on. [`Tracing`](crate::Tracing) is made of it.
#[derive(Debug)]
pub(crate) struct Jaeger {
    /// Whether tracing is on, unless something else switches it off.
    pub(crate) enabled: bool,
    pub(crate) agent_host: Option<String>,
    pub(crate) agent_port: Option<u16>,
    pub(crate) config: Option<PathBuf>,
    pub(crate) extra_tags: Option<String>,
    pub(crate) propagation: Option<String>,
}

impl Part for Jaeger {
    fn blank() -> Self {
        Self {
            enabled: false,
            agent_host: None,
            agent_port: None,
            config: None,
            extra_tags: None,
            propagation: None,
        }
    }
}

pub(super) static ROWS: &[&Row] = &[
    &TRACING,
    &JAEGER_AGENT_HOST,
    &JAEGER_AGENT_PORT,
    &JAEGER_CONFIG_PATH,
    &JAEGER_EXTRA_TAGS,
    &JAEGER_PROPAGATION,
];

pub(crate) static TRACING: Row = Row {
    flag: Bare("tracing", "1"),
    variables: &["TRACING"],
    default: Typed("0"),
    value: &To(Bool, |jaeger: &mut Jaeger, on| jaeger.enabled = on),
    group: Group::Tracing,
    status: Status::Active,
    meaning: Text {
        en: "Trace requests",
        zh: "开启请求追踪",
    },
    detail: Text {
        en: "A span for each request, with a child for each of decoding, waiting, component and \
             encoding. They go to a Jaeger agent unless OTEL_TRACES_EXPORTER says otherwise, or \
             no agent is named and an endpoint for OTLP is.",
        zh: "每个请求一个 span，解码、排队、组件、编码各有一个子 span。默认发送到 Jaeger agent；\
             OTEL_TRACES_EXPORTER 另有指定，或只给出了 OTLP 端点而未指定 agent 时除外。",
    },
};

pub(crate) static JAEGER_AGENT_HOST: Row = Row {
    flag: Flag::None,
    variables: &["JAEGER_AGENT_HOST"],
    default: DefaultValue::None,
    value: &To(AnyText, |jaeger: &mut Jaeger, host| {
        jaeger.agent_host = host;
    }),
    group: Group::Tracing,
    status: Status::Active,
    meaning: Text {
        en: "Host of the Jaeger agent",
        zh: "Jaeger agent 的主机",
    },
    detail: Text {
        en: "A name or an address. local_agent.reporting_host in JAEGER_CONFIG_PATH comes first; \
             without either, localhost.",
        zh: "主机名或地址。JAEGER_CONFIG_PATH 中的 local_agent.reporting_host 优先；两者都没有时为 \
             localhost。",
    },
};

static JAEGER_AGENT_PORT: Row = Row {
    flag: Flag::None,
    variables: &["JAEGER_AGENT_PORT"],
    default: DefaultValue::None,
    value: &To(LinkedPort, |jaeger: &mut Jaeger, port| {
        jaeger.agent_port = Some(port);
    }),
    group: Group::Tracing,
    status: Status::Active,
    meaning: Text {
        en: "UDP port of the Jaeger agent",
        zh: "Jaeger agent 的 UDP 端口",
    },
    detail: Text {
        en: "Of udp://host:port, which Kubernetes sets where a service is named jaeger-agent, the \
             port counts. local_agent.reporting_port in JAEGER_CONFIG_PATH comes first; without \
             either, 6831.",
        zh: "存在名为 jaeger-agent 的 Service 时，Kubernetes 会设为 udp://host:port，此时取其中的\
             端口。JAEGER_CONFIG_PATH 中的 local_agent.reporting_port 优先；两者都没有时为 6831。",
    },
};

pub(crate) static JAEGER_CONFIG_PATH: Row = Row {
    flag: Flag::None,
    variables: &["JAEGER_CONFIG_PATH"],
    default: DefaultValue::None,
    value: &To(File, |jaeger: &mut Jaeger, path| {
        jaeger.config = Some(path);
    }),
    group: Group::Tracing,
    status: Status::Active,
    meaning: Text {
        en: "Jaeger configuration file",
        zh: "Jaeger 配置文件",
    },
    detail: Text {
        en: "YAML as jaeger_client reads it. What counts: enabled, service_name, tags, \
             propagation, local_agent.reporting_host and reporting_port, and sampler.type with \
             sampler.param: const (0 or 1), probabilistic (0 to 1), ratelimiting (requests a \
             second).",
        zh: "格式与 jaeger_client 读取的 YAML 相同。生效的字段：enabled、service_name、tags、\
             propagation、local_agent.reporting_host 和 reporting_port，以及 sampler.type 及其 \
             sampler.param：const（0 或 1）、probabilistic（0 到 1）、ratelimiting（每秒请求数）。",
    },
};

pub(crate) static JAEGER_EXTRA_TAGS: Row = Row {
    flag: Flag::None,
    variables: &["JAEGER_EXTRA_TAGS"],
    default: DefaultValue::None,
    value: &To(AnyText, |jaeger: &mut Jaeger, tags| {
        jaeger.extra_tags = tags;
    }),
    group: Group::Tracing,
    status: Status::Active,
    meaning: Text {
        en: "Tags added to every span",
        zh: "附加到每个 span 的标签",
    },
    detail: Text {
        en: "name=value pairs with commas between; with tracing on, anything else gets exit code \
             2.",
        zh: "以逗号分隔的 name=value；开启追踪时，其他写法退出码 2。",
    },
};

pub(crate) static JAEGER_PROPAGATION: Row = Row {
    flag: Flag::None,
    variables: &["JAEGER_TRACE_PROPAGATION_TYPE"],
    default: DefaultValue::None,
    value: &To(AnyText, |jaeger: &mut Jaeger, word| {
        jaeger.propagation = word;
    }),
    group: Group::Tracing,
    status: Status::Active,
    meaning: Text {
        en: "Headers that are looked at first for the caller's trace",
        zh: "优先从哪种请求头读取调用方的追踪上下文",
    },
    detail: Text {
        en: "jaeger (uber-trace-id), w3c (traceparent) or b3; with tracing on, anything else gets \
             exit code 2. The others are read after it.",
        zh: "jaeger（uber-trace-id）、w3c（traceparent）或 b3；开启追踪时，其他值退出码 2。\
             其余几种在其后读取。",
    },
};
