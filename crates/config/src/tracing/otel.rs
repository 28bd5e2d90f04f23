//! OpenTelemetry's standard variables.

use std::time::Duration;

use super::{
    JaegerAgent, OtlpCollector, OtlpProtocol, Propagator, Sampler, Sampling, SpanLimits, invalid,
    pairs,
};
use crate::environment::Environment;
use crate::error::ConfigError;
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
use crate::value::{millis, switch};

/// Where agents listen.
pub(super) const AGENT_PORT: u16 = 6831;

/// What a setting is for, and what it may be. It is not looked at while tracing is off.
pub(crate) struct Variable {
    /// In the order of their precedence.
    pub(crate) names: &'static [&'static str],
    pub(crate) default: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) allowed: &'static str,
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
    }
}

static DISABLED: Variable = variable(
    &[OTEL_SDK_DISABLED],
    "false",
    "Switches tracing off, whatever TRACING says",
    "true or false",
);
static EXPORTER: Variable = variable(
    &[OTEL_TRACES_EXPORTER],
    "otlp where an endpoint for it is set, else jaeger",
    "Who sends spans; none switches tracing off",
    "one of otlp jaeger none",
);
static AGENT_HOST_NAME: Variable = variable(
    &[OTEL_EXPORTER_JAEGER_AGENT_HOST],
    "127.0.0.1 where the port is set, else JAEGER_AGENT_HOST",
    "Host of the Jaeger agent. This and the port come, as a pair, before Jaeger's own variables",
    "a name or an address",
);
static AGENT_PORT_NUMBER: Variable = variable(
    &[OTEL_EXPORTER_JAEGER_AGENT_PORT],
    "6831 where the host is set, else JAEGER_AGENT_PORT",
    "UDP port of the Jaeger agent",
    "a port from 1 to 65535",
);
static ENDPOINT: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
        OTEL_EXPORTER_OTLP_ENDPOINT,
    ],
    "http://localhost:4318/v1/traces, for gRPC http://localhost:4317",
    "URL of the collector. The one for traces is taken as it is; over HTTP, /v1/traces is added to the general one",
    "http://host:port with a path or without, for gRPC also host:port (https needs TLS, which this server does not have)",
);
static PROTOCOL: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
        OTEL_EXPORTER_OTLP_PROTOCOL,
    ],
    "http/protobuf",
    "How OTLP is spoken",
    "one of grpc http/protobuf",
);
static HEADERS: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_HEADERS,
        OTEL_EXPORTER_OTLP_HEADERS,
    ],
    "none",
    "Headers, or gRPC metadata, of every export",
    "name=value pairs with commas between, values escaped as in a URL",
);
static TIMEOUT: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,
        OTEL_EXPORTER_OTLP_TIMEOUT,
    ],
    "10000",
    "What one try to export may take",
    MILLIS,
);
static COMPRESSION: Variable = variable(
    &[
        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,
        OTEL_EXPORTER_OTLP_COMPRESSION,
    ],
    "none",
    "How exports are packed",
    "one of gzip none",
);
static SERVICE: Variable = variable(
    &[OTEL_SERVICE_NAME],
    "service.name in OTEL_RESOURCE_ATTRIBUTES, else service_name in JAEGER_CONFIG_PATH, else interface_name",
    "What the server is called in traces",
    "any text",
);
static RESOURCE: Variable = variable(
    &[OTEL_RESOURCE_ATTRIBUTES],
    "none",
    "What else is said of the server: resource attributes, or Jaeger's process tags",
    "name=value pairs with commas between, values escaped as in a URL",
);
static SAMPLER: Variable = variable(
    &[OTEL_TRACES_SAMPLER],
    "sampler in JAEGER_CONFIG_PATH, else parentbased_always_on",
    "Which requests are traced. Without parentbased, the caller's decision does not count",
    "one of always_on always_off traceidratio parentbased_always_on parentbased_always_off parentbased_traceidratio",
);
static SAMPLER_ARG: Variable = variable(
    &[OTEL_TRACES_SAMPLER_ARG],
    "1",
    "The part of them, for traceidratio",
    "a number from 0 to 1",
);
static PROPAGATORS: Variable = variable(
    &[OTEL_PROPAGATORS],
    "those of JAEGER_TRACE_PROPAGATION_TYPE",
    "Which headers bring a caller's trace: these, and no others. baggage is accepted, and not read",
    "tracecontext, baggage, b3, b3multi and jaeger with commas between, or none",
);
static DELAY: Variable = variable(
    &[OTEL_BSP_SCHEDULE_DELAY],
    "5000, for Jaeger 1000",
    "The longest that a span waits for others",
    MILLIS,
);
static QUEUE: Variable = variable(
    &[OTEL_BSP_MAX_QUEUE_SIZE],
    "2048",
    "Spans that may wait; more are dropped, and counted",
    "a whole number from 16 to 1000000",
);
static BATCH: Variable = variable(
    &[OTEL_BSP_MAX_EXPORT_BATCH_SIZE],
    "512",
    "Spans of one export, not above the queue; those of one request go together",
    "a whole number from 1 to 1000000",
);
static EXPORT_TIMEOUT: Variable = variable(
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

/// The environment, as OpenTelemetry's users see it.
pub(super) struct Otel<'a>(pub(super) &'a Environment);

/// Which exporter is to be used.
pub(super) struct Choice {
    pub(super) is_otlp: bool,
    /// What made it so, if anything.
    pub(super) variable: Option<&'static str>,
}

impl Otel<'_> {
    pub(super) fn is_off(&self) -> Result<bool, ConfigError> {
        Ok(self.read(&DISABLED, |_, text| good(switch(text)))? == Some(true))
    }

    /// `None`: tracing is switched off.
    pub(super) fn exporter(&self) -> Result<Option<Choice>, ConfigError> {
        let chosen = self.read(&EXPORTER, |name, text| {
            let choice = |is_otlp| Choice {
                is_otlp,
                variable: Some(name),
            };
            good(match text {
                "otlp" => Some(Some(choice(true))),
                "jaeger" => Some(Some(choice(false))),
                "none" => Some(None),
                _ => None,
            })
        })?;
        Ok(chosen.unwrap_or_else(|| {
            let mut names = ENDPOINT.names.iter().copied();
            let variable = names.find(|name| self.0.get(name).is_some());
            Some(Choice {
                is_otlp: variable.is_some(),
                variable,
            })
        }))
    }

    /// One of the two makes both count: so does the exporter's crate read them, whatever it is told.
    pub(super) fn agent(&self) -> Result<Option<JaegerAgent>, ConfigError> {
        let host = self.read(&AGENT_HOST_NAME, |_, text| Ok(text.to_owned()))?;
        let port = self.read(&AGENT_PORT_NUMBER, |_, text| {
            good(text.parse().ok().filter(|port| *port != 0))
        })?;
        Ok((host.is_some() || port.is_some()).then(|| JaegerAgent {
            host: host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: port.unwrap_or(AGENT_PORT),
        }))
    }

    pub(super) fn collector(&self) -> Result<OtlpCollector, ConfigError> {
        let protocol = self.read(&PROTOCOL, |_, text| {
            good(match text {
                "grpc" => Some(OtlpProtocol::Grpc),
                "http/protobuf" => Some(OtlpProtocol::HttpProtobuf),
                _ => None,
            })
        })?;
        let protocol = protocol.unwrap_or(OtlpProtocol::HttpProtobuf);
        let is_grpc = protocol == OtlpProtocol::Grpc;
        let endpoint = self.read(&ENDPOINT, |name, text| {
            let url = url(text, is_grpc)?;
            if is_grpc || name == OTEL_EXPORTER_OTLP_TRACES_ENDPOINT {
                return Ok(url);
            }
            Ok(format!("{}/v1/traces", url.trim_end_matches('/')))
        })?;
        let default = if is_grpc {
            "http://localhost:4317"
        } else {
            "http://localhost:4318/v1/traces"
        };
        Ok(OtlpCollector {
            protocol,
            endpoint: endpoint.unwrap_or_else(|| default.to_owned()),
            headers: self
                .read(&HEADERS, |_, text| headers(text).map_err(Some))?
                .unwrap_or_default(),
            timeout: self.time(&TIMEOUT)?.unwrap_or(Duration::from_secs(10)),
            gzip: self
                .read(&COMPRESSION, |_, text| {
                    good(match text {
                        "gzip" => Some(true),
                        "none" => Some(false),
                        _ => None,
                    })
                })?
                .unwrap_or(false),
        })
    }

    pub(super) fn service(&self) -> Result<Option<String>, ConfigError> {
        self.read(&SERVICE, |_, text| Ok(text.to_owned()))
    }

    pub(super) fn resource(&self) -> Result<Vec<(String, String)>, ConfigError> {
        let resource = self.read(&RESOURCE, |_, text| pairs(text, unescaped).map_err(Some))?;
        Ok(resource.unwrap_or_default())
    }

    pub(super) fn sampling(&self) -> Result<Option<Sampling>, ConfigError> {
        let sampling = self.read(&SAMPLER, |_, text| {
            let (follows_caller, rule) = match text.strip_prefix("parentbased_") {
                Some(rule) => (true, rule),
                None => (false, text),
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
        })?;
        let Some(mut sampling) = sampling else {
            return Ok(None);
        };
        if let Sampler::Probabilistic(part) = &mut sampling.sampler {
            let given = self.read(&SAMPLER_ARG, |_, text| {
                let part: Option<f64> = text.parse().ok();
                good(part.filter(|part| (0.0..=1.0).contains(part)))
            })?;
            *part = given.unwrap_or(1.0);
        }
        Ok(Some(sampling))
    }

    pub(super) fn propagators(&self) -> Result<Option<Vec<Propagator>>, ConfigError> {
        self.read(&PROPAGATORS, |_, text| {
            let mut found = Vec::new();
            let words: Vec<&str> = text.split(',').map(str::trim).collect();
            if words == ["none"] {
                return Ok(found);
            }
            for word in words {
                let one = match word {
                    "tracecontext" => Propagator::TraceContext,
                    "b3" | "b3multi" => Propagator::B3,
                    "jaeger" => Propagator::Jaeger,
                    "baggage" => continue,
                    _ => return Err(None),
                };
                if !found.contains(&one) {
                    found.push(one);
                }
            }
            Ok(found)
        })
    }

    pub(super) fn limits(&self, is_otlp: bool) -> Result<SpanLimits, ConfigError> {
        let count = |variable, least: usize| {
            self.read(variable, |_, text| {
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
            delay: self.time(&DELAY)?.unwrap_or(delay),
            timeout: self
                .time(&EXPORT_TIMEOUT)?
                .unwrap_or(Duration::from_secs(30)),
        })
    }

    fn time(&self, variable: &Variable) -> Result<Option<Duration>, ConfigError> {
        self.read(variable, |_, text| {
            good(millis(text).filter(|time| !time.is_zero()))
        })
    }

    /// Reads the first of a setting's variables that is set.
    fn read<T>(
        &self,
        variable: &Variable,
        parse: impl FnOnce(&'static str, &str) -> Result<T, Option<String>>,
    ) -> Result<Option<T>, ConfigError> {
        let mut names = variable.names.iter().copied();
        let Some((name, raw)) = names.find_map(|name| Some((name, self.0.get(name)?))) else {
            return Ok(None);
        };
        let shown = raw.to_string_lossy();
        let parsed = match raw.to_str() {
            Some(text) => parse(name, text.trim()),
            None => Err(Some("it is not UTF-8".to_owned())),
        };
        parsed
            .map(Some)
            .map_err(|why| invalid(name, &shown, why, variable.allowed))
    }
}

fn good<T>(value: Option<T>) -> Result<T, Option<String>> {
    value.ok_or(None)
}

/// The URL of a collector, with its scheme.
fn url(text: &str, is_grpc: bool) -> Result<String, Option<String>> {
    let rest = match text.split_once("://") {
        Some(("http", rest)) => rest,
        None if is_grpc => text,
        _ => return Err(None),
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let is_plain = |c: char| {
        c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    };
    if !rest.chars().all(is_plain) || authority.contains('@') {
        return Err(None);
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port != 0);
    if host.is_empty() || !port.is_none_or(is_port) {
        return Err(None);
    }
    Ok(format!("http://{rest}"))
}

fn headers(text: &str) -> Result<Vec<(String, String)>, String> {
    let headers = pairs(text, |value| {
        unescaped(value).filter(|value| value.chars().all(|c| c.is_ascii_graphic() || c == ' '))
    })?;
    let is_name = |c: u8| c.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&c);
    match headers.iter().find(|(name, _)| !name.bytes().all(is_name)) {
        Some((name, _)) => Err(format!("{name:?} is no name of a header")),
        // Binary metadata would have to be encoded once more.
        None => Ok(headers
            .into_iter()
            .filter(|(name, _)| !name.to_ascii_lowercase().ends_with("-bin"))
            .collect()),
    }
}

/// Text of which some bytes are escaped as in a URL.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, more)) = rest.split_first() {
        rest = more;
        if *byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            if digits.starts_with('+') {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_collectors_are_plain() {
        let read = |text: &str, is_grpc| url(text, is_grpc).ok();
        assert_eq!(read("http://a:1/x", false).as_deref(), Some("http://a:1/x"));
        assert_eq!(
            read("http://[::1]:4317", true).as_deref(),
            Some("http://[::1]:4317")
        );
        assert_eq!(read("a:4317", true).as_deref(), Some("http://a:4317"));
        assert_eq!(read("http://a", true).as_deref(), Some("http://a"));
        for text in [
            "https://a:1",
            "a:1",
            "http://",
            "http://:1",
            "http://a:x",
            "http://a:0",
            "http://a b",
            "ftp://a",
            "",
        ] {
            assert_eq!(read(text, false), None, "{text}");
        }
        assert_eq!(read("https://a:1", true), None);
    }

    #[test]
    fn values_are_unescaped() {
        assert_eq!(unescaped("a%20b%2Cc").as_deref(), Some("a b,c"));
        assert_eq!(unescaped("%c3%A9").as_deref(), Some("é"));
        for text in ["%", "%2", "%zz", "%ff", "%+f"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
        assert!(headers("a b=c").is_err() && headers("a=%0a").is_err());
        assert_eq!(
            headers("a=b, c=d=e").unwrap(),
            [
                ("a".to_owned(), "b".to_owned()),
                ("c".to_owned(), "d=e".to_owned())
            ]
        );
    }
}
