use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::environment::Environment;
use crate::error::{ConfigError, Invalid, Warning, quoted};
use crate::load::{Values, port_of};
use crate::names;
use crate::settings::Parts;
use crate::table::Key;
use crate::value::Value;

mod file;
mod otel;
mod otlp;
pub(crate) mod variables;

use file::File;
use otel::{Exporter, Otel};

/// Tracing, which is on.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracing {
    /// Where spans go.
    pub exporter: TraceExporter,
    /// What this server is called in traces.
    pub service: String,
    /// What else is said of this server.
    pub resource: BTreeMap<String, String>,
    /// Tags of every span.
    pub tags: Vec<(String, String)>,
    /// Which requests are traced.
    pub sampling: Sampling,
    /// Which headers bring a caller's trace; the first that has one counts.
    pub propagators: Vec<Propagator>,
    /// What waits for the exporter.
    pub limits: SpanLimits,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceExporter {
    /// To a Jaeger agent.
    Jaeger(JaegerAgent),
    /// To whoever speaks OTLP.
    Otlp(OtlpCollector),
}

/// A Jaeger agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JaegerAgent {
    /// A name or an address.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

/// A collector that speaks OTLP. Its `Debug` shows no secrets: of headers, the names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpCollector {
    /// How to speak to it.
    pub protocol: OtlpProtocol,
    /// The whole URL, which starts with `http://`; for HTTP with its path.
    pub endpoint: String,
    /// Headers, or metadata, of every export.
    pub headers: Vec<(String, String)>,
    /// What one try may take, and after which no other try of an export begins.
    pub timeout: Duration,
    /// Whether exports are packed by gzip.
    pub gzip: bool,
}

impl fmt::Debug for OtlpCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpCollector")
            .field("protocol", &self.protocol)
            .field("endpoint", &otlp::without_secrets(&self.endpoint))
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .finish()
    }
}

/// How OTLP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// gRPC.
    Grpc,
    /// Protobuf over HTTP.
    HttpProtobuf,
}

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

/// Looks at what is set for tracing, where that is on.
pub(crate) fn read(
    parts: Parts,
    values: &Values,
    environment: &Environment,
) -> Result<(Option<Tracing>, Vec<Warning>), ConfigError> {
    let mut otel = Otel {
        environment,
        warnings: Vec::new(),
    };
    let tracing = look_at(parts, values, &mut otel)?;
    Ok((tracing, otel.warnings))
}

fn look_at(
    parts: Parts,
    values: &Values,
    otel: &mut Otel<'_>,
) -> Result<Option<Tracing>, ConfigError> {
    if !values.on(Key::Tracing) || otel.is_off() {
        return Ok(None);
    }
    let (exporter, variable) = match otel.exporter() {
        Some((exporter, name)) => (exporter, Some(name)),
        None => otherwise(parts, values, otel),
    };
    if exporter == Exporter::None {
        return Ok(None);
    }
    let is_otlp = exporter == Exporter::Otlp;
    let file = match values.path(Key::JaegerConfigPath) {
        Some(path) => File::read(&path)?,
        None => File::default(),
    };
    if file.is_off {
        return Ok(None);
    }
    let (part, feature, is_there) = if is_otlp {
        ("exporter by OTLP", "otlp", parts.otlp)
    } else {
        ("exporter to a Jaeger agent", "jaeger", parts.jaeger)
    };
    if !is_there {
        return Err(ConfigError::NotBuilt {
            names: variable.map_or_else(|| Key::Tracing.to_string(), ToOwned::to_owned),
            origin: variable.map_or_else(
                || values.origin(Key::Tracing),
                |name| format!("the variable {name}"),
            ),
            part,
            feature,
        });
    }
    let mut resource = file.tags;
    resource.extend(otel.resource());
    let named = resource.remove("service.name");
    let service = otel
        .service()?
        .or(named)
        .or(file.service)
        .unwrap_or_else(|| interface_name(values));
    Ok(Some(Tracing {
        exporter: if is_otlp {
            TraceExporter::Otlp(otel.collector()?)
        } else {
            TraceExporter::Jaeger(match otel.agent()? {
                Some(agent) => agent,
                None => JaegerAgent {
                    host: file
                        .host
                        .or_else(|| values.text(Key::JaegerAgentHost))
                        .unwrap_or_else(|| "localhost".to_owned()),
                    port: file
                        .port
                        .or_else(|| values.get(Key::JaegerAgentPort, port_of))
                        .unwrap_or(otel::AGENT_PORT),
                },
            })
        },
        service,
        resource,
        tags: extra_tags(values)?,
        sampling: match otel.sampling()? {
            Some(sampling) => sampling,
            None => Sampling {
                sampler: file.sampler.unwrap_or(Sampler::Const(true)),
                follows_caller: true,
            },
        },
        propagators: match otel.propagators() {
            Some(propagators) => propagators,
            None => in_order(match values.text(Key::JaegerPropagation) {
                Some(text) => Some(propagation(&text)?),
                None => file.propagation,
            }),
        },
        limits: otel.limits(is_otlp)?,
    }))
}

/// Who sends spans where that is not said, and the variable that makes it so.
///
/// An operator points servers to an agent by Jaeger's variables; an endpoint for OTLP beside them is likely the
/// component's.
fn otherwise(
    parts: Parts,
    values: &Values,
    otel: &mut Otel<'_>,
) -> (Exporter, Option<&'static str>) {
    let Some(endpoint) = otel.endpoint() else {
        return (Exporter::Jaeger, None);
    };
    let agent = values
        .text(Key::JaegerAgentHost)
        .map(|_| names::JAEGER_AGENT_HOST);
    let file = values
        .path(Key::JaegerConfigPath)
        .map(|_| names::JAEGER_CONFIG_PATH);
    match agent.or(file).filter(|_| parts.jaeger) {
        None => (Exporter::Otlp, Some(endpoint)),
        Some(name) => {
            otel.warnings.push(Warning(format!(
                "{endpoint} is left out: {name} comes first, and {}=otlp would choose the collector",
                names::OTEL_TRACES_EXPORTER
            )));
            (Exporter::Jaeger, Some(name))
        }
    }
}

/// The name as it was typed, where module and class are one.
fn interface_name(values: &Values) -> String {
    values.required(Key::InterfaceName, |value| match value {
        Value::Interface(name) if name.module == name.class => Some(name.class.clone()),
        Value::Interface(name) => Some(name.to_string()),
        _ => None,
    })
}

fn extra_tags(values: &Values) -> Result<Vec<(String, String)>, ConfigError> {
    let Some(text) = values.text(Key::JaegerExtraTags) else {
        return Ok(Vec::new());
    };
    pairs(&text, |value| Some(value.to_owned())).map_err(|why| {
        invalid(
            names::JAEGER_EXTRA_TAGS,
            &text,
            Some(why),
            "name=value pairs with commas between",
        )
    })
}

const PROPAGATIONS: &str = "one of jaeger b3 w3c";

fn propagation(text: &str) -> Result<Propagator, ConfigError> {
    Propagator::parse(text)
        .ok_or_else(|| invalid(names::JAEGER_PROPAGATION, text, None, PROPAGATIONS))
}

impl Propagator {
    /// The word that Jaeger's clients know it by.
    fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "jaeger" => Some(Self::Jaeger),
            "w3c" => Some(Self::TraceContext),
            "b3" => Some(Self::B3),
            _ => None,
        }
    }
}

/// All of them, this one first.
fn in_order(first: Option<Propagator>) -> Vec<Propagator> {
    let all = [Propagator::Jaeger, Propagator::TraceContext, Propagator::B3];
    let others = all.into_iter().filter(|one| Some(*one) != first);
    first.into_iter().chain(others).collect()
}

/// `name=value,name=value`, with spaces around or not.
fn pairs(
    text: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let pair = part.split_once('=').and_then(|(name, text)| {
                let name = name.trim();
                (!name.is_empty()).then_some((name.to_owned(), value(text.trim())?))
            });
            pair.ok_or_else(|| format!("{} is no name=value", quoted(part.trim())))
        })
        .collect()
}

fn invalid(variable: &str, seen: &str, why: Option<String>, allowed: &str) -> ConfigError {
    ConfigError::Invalid(Box::new(Invalid {
        names: variable.to_owned(),
        source: format!("the variable {variable}"),
        seen: quoted(seen),
        why,
        allowed: allowed.to_owned(),
    }))
}
