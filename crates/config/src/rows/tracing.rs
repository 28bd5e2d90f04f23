//! Traces.

use crate::key::Key;
use crate::names;
use crate::row::{DefaultValue, Flag, Group as G, Row, Status, row};
use crate::value::Kind;

use DefaultValue::Text;
use Flag::Bare;

pub(super) static ROWS: &[Row] = &[
    row(
        Key::Tracing,
        (
            Bare("tracing", "1"),
            &[names::TRACING],
            Text("0"),
            Kind::Bool,
        ),
        G::Tracing,
        Status::Active,
        "Trace requests",
        "A span for each request, with a child for each of decoding, waiting, component and \
         encoding. They go to a Jaeger agent unless OTEL_TRACES_EXPORTER says otherwise, or no \
         agent is named and an endpoint for OTLP is.",
    ),
    row(
        Key::JaegerAgentHost,
        (
            Flag::None,
            &[names::JAEGER_AGENT_HOST],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Tracing,
        Status::Active,
        "Host of the Jaeger agent",
        "A name or an address. local_agent.reporting_host in JAEGER_CONFIG_PATH comes first; \
         without either, localhost.",
    ),
    row(
        Key::JaegerAgentPort,
        (
            Flag::None,
            &[names::JAEGER_AGENT_PORT],
            DefaultValue::None,
            Kind::LinkedPort,
        ),
        G::Tracing,
        Status::Active,
        "UDP port of the Jaeger agent",
        "Of udp://host:port, which Kubernetes sets where a service is named jaeger-agent, the \
         port counts. local_agent.reporting_port in JAEGER_CONFIG_PATH comes first; without \
         either, 6831.",
    ),
    row(
        Key::JaegerConfigPath,
        (
            Flag::None,
            &[names::JAEGER_CONFIG_PATH],
            DefaultValue::None,
            Kind::File,
        ),
        G::Tracing,
        Status::Active,
        "Jaeger configuration file",
        "YAML as jaeger_client reads it. What counts: enabled, service_name, tags, propagation, \
         local_agent.reporting_host and reporting_port, and sampler.type with sampler.param: \
         const (0 or 1), probabilistic (0 to 1), ratelimiting (requests a second).",
    ),
    row(
        Key::JaegerExtraTags,
        (
            Flag::None,
            &[names::JAEGER_EXTRA_TAGS],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Tracing,
        Status::Active,
        "Tags added to every span",
        "name=value pairs with commas between; with tracing on, anything else gets exit code 2.",
    ),
    row(
        Key::JaegerPropagation,
        (
            Flag::None,
            &[names::JAEGER_PROPAGATION],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Tracing,
        Status::Active,
        "Headers that are looked at first for the caller's trace",
        "jaeger (uber-trace-id), w3c (traceparent) or b3; with tracing on, anything else gets \
         exit code 2. The others are read after it.",
    ),
];
