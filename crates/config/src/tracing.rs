use std::collections::BTreeMap;

use crate::context::Context;
use crate::draft::Draft;
use crate::error::ConfigError;
use crate::features::Features;
use crate::interface::ComponentName;
use crate::settings::Component;
use crate::settings::tracing::{
    JAEGER_AGENT_HOST, JAEGER_CONFIG_PATH, JAEGER_EXTRA_TAGS, JAEGER_PROPAGATION, Jaeger, TRACING,
};
use crate::sources::Sources;

mod agent;
mod collector;
mod exporter;
mod file;
mod limits;
mod parse;
mod propagation;
mod resource;
mod sampling;
mod url;
mod variable;

pub use agent::JaegerAgent;
pub use collector::{OtlpCollector, OtlpProtocol, OtlpTls};
pub use limits::SpanLimits;
pub use propagation::Propagator;
pub use sampling::{Sampler, Sampling};
pub(crate) use variable::Variable;

use exporter::{EXPORTER, Exporter};
use file::File;
use parse::{invalid, pairs};
use propagation::PROPAGATIONS;

/// Start of the names of OpenTelemetry's standard variables.
pub(crate) const PREFIX: &str = "OTEL_";

/// OpenTelemetry's standard variables that count, in their order on the reference pages.
pub(crate) fn variables() -> impl Iterator<Item = &'static Variable> {
    [
        exporter::VARIABLES,
        agent::VARIABLES,
        collector::VARIABLES,
        resource::VARIABLES,
        sampling::VARIABLES,
        propagation::VARIABLES,
        limits::VARIABLES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

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
    /// To a collector by OTLP.
    Otlp(OtlpCollector),
}

/// Reads what is set for tracing, where that is on.
pub(crate) fn read(
    features: Features,
    sources: &Sources,
    context: &mut Context<'_>,
    draft: &mut Draft,
) -> Result<Option<Tracing>, ConfigError> {
    let jaeger: Jaeger = draft.take();
    if !jaeger.enabled || exporter::is_disabled(context) {
        return Ok(None);
    }
    let (exporter, variable) = match exporter::exporter(context) {
        Some((exporter, name)) => (exporter, Some(name.to_owned())),
        None => default_exporter(features, &jaeger, context),
    };
    if exporter == Exporter::None {
        return Ok(None);
    }
    let is_otlp = exporter == Exporter::Otlp;
    let file = match &jaeger.config {
        Some(path) => File::read(path)?,
        None => File::default(),
    };
    if file.is_off {
        return Ok(None);
    }
    let (part, feature, is_built) = if is_otlp {
        ("exporter by OTLP", "otlp", features.otlp)
    } else {
        ("exporter to a Jaeger agent", "jaeger", features.jaeger)
    };
    if !is_built {
        let (names, origin) = match variable {
            Some(name) => (name.clone(), format!("the variable {name}")),
            None => (TRACING.to_string(), sources.describe(&TRACING)),
        };
        return Err(ConfigError::NotBuilt {
            names,
            origin,
            part,
            feature,
        });
    }
    let mut resource = file.tags;
    resource.extend(resource::resource(context));
    let named = resource.remove("service.name");
    let service = resource::service(context.environment)?
        .or(named)
        .or(file.service)
        .unwrap_or_else(|| service_name(&draft.part::<Component>().interface));
    Ok(Some(Tracing {
        exporter: if is_otlp {
            let collector = collector::collector(context.environment)?;
            if collector.endpoint.starts_with("https:") && !features.tls {
                let name = collector::endpoint(context.environment).unwrap_or_default();
                return Err(ConfigError::NotBuilt {
                    names: name.to_owned(),
                    origin: format!("the variable {name}"),
                    part: "TLS",
                    feature: "tls",
                });
            }
            TraceExporter::Otlp(collector)
        } else {
            TraceExporter::Jaeger(match agent::agent(context.environment)? {
                Some(agent) => agent,
                None => JaegerAgent {
                    host: file
                        .host
                        .or_else(|| jaeger.agent_host.clone())
                        .unwrap_or_else(|| "localhost".to_owned()),
                    port: file.port.or(jaeger.agent_port).unwrap_or(agent::PORT),
                },
            })
        },
        service,
        resource,
        tags: extra_tags(jaeger.extra_tags.as_deref())?,
        sampling: match sampling::sampling(context)? {
            Some(sampling) => sampling,
            None => Sampling {
                sampler: file.sampler.unwrap_or(Sampler::Const(true)),
                follows_caller: true,
            },
        },
        propagators: match propagation::propagators(context) {
            Some(propagators) => propagators,
            None => in_order(match &jaeger.propagation {
                Some(text) => Some(propagation(text)?),
                None => file.propagation,
            }),
        },
        limits: limits::limits(context.environment, is_otlp)?,
    }))
}

/// The exporter where none is named, and the variable that decides it.
///
/// An operator points servers to an agent by Jaeger's variables; an endpoint for OTLP beside them
/// is likely the component's.
fn default_exporter(
    features: Features,
    jaeger: &Jaeger,
    context: &mut Context<'_>,
) -> (Exporter, Option<String>) {
    let Some(endpoint) = collector::endpoint(context.environment) else {
        return (Exporter::Jaeger, None);
    };
    let agent = jaeger.agent_host.as_ref().map(|_| &JAEGER_AGENT_HOST);
    let file = jaeger.config.as_ref().map(|_| &JAEGER_CONFIG_PATH);
    match agent.or(file).filter(|_| features.jaeger) {
        None => (Exporter::Otlp, Some(endpoint.to_owned())),
        Some(row) => {
            context.warn(format!(
                "{endpoint} is left out: {row} comes first, and {}=otlp would choose the collector",
                EXPORTER.names.join(", ")
            ));
            (Exporter::Jaeger, Some(row.to_string()))
        }
    }
}

/// The name as it was typed, where module and class are one.
fn service_name(interface: &ComponentName) -> String {
    match interface {
        ComponentName::Python(class) if class.module != class.class => class.to_string(),
        _ => interface.name().to_owned(),
    }
}

fn extra_tags(text: Option<&str>) -> Result<Vec<(String, String)>, ConfigError> {
    let Some(text) = text else {
        return Ok(Vec::new());
    };
    pairs(text, |value| Some(value.to_owned())).map_err(|why| {
        let allowed = "name=value pairs with commas between";
        invalid(&JAEGER_EXTRA_TAGS, text, Some(why), allowed)
    })
}

fn propagation(text: &str) -> Result<Propagator, ConfigError> {
    Propagator::parse(text).ok_or_else(|| invalid(&JAEGER_PROPAGATION, text, None, PROPAGATIONS))
}

/// All of them, this one first.
fn in_order(first: Option<Propagator>) -> Vec<Propagator> {
    let all = [Propagator::Jaeger, Propagator::TraceContext, Propagator::B3];
    let others = all.into_iter().filter(|one| Some(*one) != first);
    first.into_iter().chain(others).collect()
}
