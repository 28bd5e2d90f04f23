//! Metrics and logs.

use crate::key::Key;
use crate::names;
use crate::row::{DefaultValue, Flag, Group as G, Row, Status, row};
use crate::value::Kind;

use DefaultValue::{Derived, Text};
use Flag::{Bare, Value};

pub(super) static ROWS: &[Row] = &[
    row(
        Key::MetricsPort,
        (
            Value("metrics-port"),
            &[names::METRICS_PORT],
            Text("6000"),
            Kind::Port,
        ),
        G::Metrics,
        Status::Active,
        "Port of the health probes and of Prometheus",
        "/live and /ready respond from the first second, before the component is loaded.",
    ),
    row(
        Key::MetricsEndpoint,
        (
            Flag::None,
            &[names::METRICS_ENDPOINT],
            Text("/metrics"),
            Kind::UrlPath,
        ),
        G::Metrics,
        Status::Active,
        "Path of the metrics endpoint",
        "The operator sets it to /prometheus.",
    ),
    row(
        Key::IncludeMetrics,
        (
            Flag::None,
            &[names::INCLUDE_METRICS],
            Text("true"),
            Kind::LenientBool,
        ),
        G::Metrics,
        Status::Active,
        "Whether the component's metrics go into the response's meta",
        "",
    ),
    row(
        Key::LogLevel,
        (
            Value("log-level"),
            &[names::LOG_LEVEL_ENV, names::SELDON_LOG_LEVEL],
            Text("INFO"),
            Kind::Level,
        ),
        G::Logging,
        Status::Active,
        "Least level that is logged",
        "CRITICAL and FATAL are read as ERROR, WARN as WARNING, with a warning.",
    ),
    row(
        Key::LogFormat,
        (
            Value("log-format"),
            &[names::LOG_FORMAT],
            Text("text"),
            Kind::Word(&["text", "json"]),
        ),
        G::Logging,
        Status::Active,
        "Form of the log lines",
        "",
    ),
    row(
        Key::Debug,
        (
            Bare("debug", "1"),
            &[names::DEBUG],
            Text("false"),
            Kind::LenientBool,
        ),
        G::Logging,
        Status::Active,
        "Development server, and log level DEBUG whatever --log-level says",
        "One worker for each transport; all are reloaded when a Python file below --app-dir \
         changes; errors of the component carry its traceback. Not for production.",
    ),
    row(
        Key::AccessLog,
        (
            Bare("access-log", "1"),
            &[names::ACCESS_LOG],
            Text("false"),
            Kind::LenientBool,
        ),
        G::Logging,
        Status::Active,
        "Access log on standard output",
        "",
    ),
    row(
        Key::FilterMetricsAccessLogs,
        (
            Flag::None,
            &[names::FILTER_METRICS_ACCESS_LOGS],
            Derived("true, with --debug false"),
            Kind::LenientBool,
        ),
        G::Logging,
        Status::Active,
        "Leave scrapes of the metrics endpoint out of the access log",
        "",
    ),
];
