use crate::environment::Environment;
use crate::error::{ConfigError, Warning};
use crate::key::Key;
use crate::names;
use crate::settings::Features;
use crate::value::Value;
use crate::values::{Values, port_of};

mod file;
mod otel;
mod otlp;
mod parse;
mod types;
pub(crate) mod variables;

pub use types::{
    JaegerAgent, OtlpCollector, OtlpProtocol, Propagator, Sampler, Sampling, SpanLimits,
    TraceExporter, Tracing,
};

use file::File;
use otel::{Exporter, Otel};
use parse::{PROPAGATIONS, invalid, pairs};

/// Reads what is set for tracing, where that is on.
pub(crate) fn read(
    features: Features,
    values: &Values,
    environment: &Environment,
) -> Result<(Option<Tracing>, Vec<Warning>), ConfigError> {
    let mut otel = Otel {
        environment,
        warnings: Vec::new(),
    };
    let tracing = read_enabled(features, values, &mut otel)?;
    Ok((tracing, otel.warnings))
}

fn read_enabled(
    features: Features,
    values: &Values,
    otel: &mut Otel<'_>,
) -> Result<Option<Tracing>, ConfigError> {
    if !values.is_true(Key::Tracing) || otel.is_off() {
        return Ok(None);
    }
    let (exporter, variable) = match otel.exporter() {
        Some((exporter, name)) => (exporter, Some(name)),
        None => default_exporter(features, values, otel),
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
    let (part, feature, is_built) = if is_otlp {
        ("exporter by OTLP", "otlp", features.otlp)
    } else {
        ("exporter to a Jaeger agent", "jaeger", features.jaeger)
    };
    if !is_built {
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

/// The exporter where none is named, and the variable that decides it.
///
/// An operator points servers to an agent by Jaeger's variables; an endpoint for OTLP beside them
/// is likely the component's.
fn default_exporter(
    features: Features,
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
    match agent.or(file).filter(|_| features.jaeger) {
        None => (Exporter::Otlp, Some(endpoint)),
        Some(name) => {
            otel.warnings.push(Warning(format!(
                "{endpoint} is left out: {name} comes first, and {}=otlp would choose the \
                 collector",
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

fn propagation(text: &str) -> Result<Propagator, ConfigError> {
    Propagator::parse(text)
        .ok_or_else(|| invalid(names::JAEGER_PROPAGATION, text, None, PROPAGATIONS))
}

/// All of them, this one first.
fn in_order(first: Option<Propagator>) -> Vec<Propagator> {
    let all = [Propagator::Jaeger, Propagator::TraceContext, Propagator::B3];
    let others = all.into_iter().filter(|one| Some(*one) != first);
    first.into_iter().chain(others).collect()
}
