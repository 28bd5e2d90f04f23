//! OpenTelemetry's standard variables that count, and what they are for.

use crate::names::{
    OTEL_BSP_EXPORT_TIMEOUT, OTEL_BSP_MAX_EXPORT_BATCH_SIZE, OTEL_BSP_MAX_QUEUE_SIZE,
    OTEL_BSP_SCHEDULE_DELAY, OTEL_EXPORTER_JAEGER_AGENT_HOST, OTEL_EXPORTER_JAEGER_AGENT_PORT,
    OTEL_EXPORTER_OTLP_COMPRESSION, OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS,
    OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_HEADERS,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, OTEL_PROPAGATORS,
    OTEL_RESOURCE_ATTRIBUTES, OTEL_SDK_DISABLED, OTEL_SERVICE_NAME, OTEL_TRACES_EXPORTER,
    OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG,
};

/// What a setting is for, and what it may be. It is not looked at while tracing is off.
pub(crate) struct Variable {
    /// In the order of their precedence.
    pub(crate) names: &'static [&'static str],
    pub(crate) default: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) allowed: &'static str,
    /// How much of its value a message may show.
    pub(super) disclosure: Disclosure,
}

/// How much of a value goes into a message, and so into a log.
#[derive(Clone, Copy)]
pub(super) enum Disclosure {
    Full,
    /// A URL, without user, password and query.
    Url,
    /// Nothing: it is a secret.
    None,
}

const fn variable(
    names: &'static [&'static str],
    default: &'static str,
    meaning: &'static str,
    allowed: &'static str,
) -> Variable {
    Variable {
        names,
        default,
        meaning,
        allowed,
        disclosure: Disclosure::Full,
    }
}

pub(super) static DISABLED: Variable = variable(
    &[OTEL_SDK_DISABLED],
    "false",
    "Switches tracing off, whatever TRACING says",
    "true or false",
);
pub(super) static EXPORTER: Variable = variable(
    &[OTEL_TRACES_EXPORTER],
    "jaeger where JAEGER_AGENT_HOST or JAEGER_CONFIG_PATH is set, else otlp where an endpoint for \
     it is, else jaeger",
    "Who sends spans: the first of a list that this server has. none switches tracing off",
    "otlp and jaeger with commas between, or none",
);
pub(super) static AGENT_HOST_NAME: Variable = variable(
    &[OTEL_EXPORTER_JAEGER_AGENT_HOST],
    "127.0.0.1 where the port is set, else JAEGER_AGENT_HOST",
    "Host of the Jaeger agent. This and the port come, as a pair, before Jaeger's own variables; \
     set and empty, either is refused",
    "a name or an address",
);
pub(super) static AGENT_PORT_NUMBER: Variable = variable(
    &[OTEL_EXPORTER_JAEGER_AGENT_PORT],
    "6831 where the host is set, else JAEGER_AGENT_PORT",
    "UDP port of the Jaeger agent",
    "a port from 1 to 65535",
);
pub(super) static ENDPOINT: Variable = Variable {
    disclosure: Disclosure::Url,
    ..variable(
        &[
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
            OTEL_EXPORTER_OTLP_ENDPOINT,
        ],
        "http://localhost:4318/v1/traces, for gRPC http://localhost:4317",
        "URL of the collector. The one for traces is taken as it is; over HTTP, /v1/traces is \
         added to the general one",
        "http://host:port with a path or without, for gRPC also host:port (https needs TLS, which \
         this server does not have)",
    )
};
pub(super) static PROTOCOL: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
        OTEL_EXPORTER_OTLP_PROTOCOL,
    ],
    "http/protobuf",
    "How OTLP is spoken",
    "one of grpc http/protobuf",
);
pub(super) static HEADERS: Variable = Variable {
    disclosure: Disclosure::None,
    ..variable(
        &[
            OTEL_EXPORTER_OTLP_TRACES_HEADERS,
            OTEL_EXPORTER_OTLP_HEADERS,
        ],
        "none",
        "Headers, or gRPC metadata, of every export",
        "name=value pairs with commas between, values escaped as in a URL",
    )
};
pub(super) static TIMEOUT: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
        OTEL_EXPORTER_OTLP_TIMEOUT,
    ],
    "10000",
    "What all tries of one export may take together: no other one begins after it. A try that is \
     under way may take as long once more",
    MILLIS,
);
pub(super) static COMPRESSION: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
        OTEL_EXPORTER_OTLP_COMPRESSION,
    ],
    "none",
    "How exports are packed",
    "one of gzip none",
);
pub(super) static SERVICE: Variable = variable(
    &[OTEL_SERVICE_NAME],
    "service.name in OTEL_RESOURCE_ATTRIBUTES, else service_name in JAEGER_CONFIG_PATH, else \
     interface_name",
    "What the server is called in traces",
    "any text",
);
pub(super) static RESOURCE: Variable = variable(
    &[OTEL_RESOURCE_ATTRIBUTES],
    "none",
    "What else is said of the server: resource attributes, or Jaeger's process tags",
    "name=value pairs with commas between, values escaped as in a URL",
);
pub(super) static SAMPLER: Variable = variable(
    &[OTEL_TRACES_SAMPLER],
    "sampler in JAEGER_CONFIG_PATH, else parentbased_always_on",
    "Which requests are traced. Without parentbased, the caller's decision does not count",
    "one of always_on always_off traceidratio parentbased_always_on parentbased_always_off \
     parentbased_traceidratio",
);
pub(super) static SAMPLER_ARG: Variable = variable(
    &[OTEL_TRACES_SAMPLER_ARG],
    "1",
    "The part of them, for traceidratio",
    "a number from 0 to 1",
);
pub(super) static PROPAGATORS: Variable = variable(
    &[OTEL_PROPAGATORS],
    "those of JAEGER_TRACE_PROPAGATION_TYPE",
    "Which headers bring a caller's trace: these, and no others. baggage is accepted, and not read",
    "tracecontext, baggage, b3, b3multi and jaeger with commas between, or none",
);
pub(super) static DELAY: Variable = variable(
    &[OTEL_BSP_SCHEDULE_DELAY],
    "5000, for Jaeger 1000",
    "The longest that a span waits for others",
    MILLIS,
);
pub(super) static QUEUE: Variable = variable(
    &[OTEL_BSP_MAX_QUEUE_SIZE],
    "2048",
    "Spans that may wait; more are dropped, and counted",
    "a whole number from 16 to 1000000",
);
pub(super) static BATCH: Variable = variable(
    &[OTEL_BSP_MAX_EXPORT_BATCH_SIZE],
    "512",
    "Spans of one export, not above the queue; those of one request go together",
    "a whole number from 1 to 1000000",
);
pub(super) static EXPORT_TIMEOUT: Variable = variable(
    &[OTEL_BSP_EXPORT_TIMEOUT],
    "30000",
    "What one export may take, with all its tries",
    MILLIS,
);

const MILLIS: &str = "milliseconds, a whole number from 1 to 86400000";

/// All of them, in their order on the reference page.
pub(crate) static VARIABLES: &[&Variable] = &[
    &DISABLED,
    &EXPORTER,
    &AGENT_HOST_NAME,
    &AGENT_PORT_NUMBER,
    &ENDPOINT,
    &PROTOCOL,
    &HEADERS,
    &TIMEOUT,
    &COMPRESSION,
    &SERVICE,
    &RESOURCE,
    &SAMPLER,
    &SAMPLER_ARG,
    &PROPAGATORS,
    &DELAY,
    &QUEUE,
    &BATCH,
    &EXPORT_TIMEOUT,
];
