//! What OpenTelemetry's standard variables say.

use std::ffi::OsStr;
use std::time::Duration;

use super::otlp::{headers, unescaped, url, without_secrets};
use super::parse::pairs;
use super::types::{
    JaegerAgent, OtlpCollector, OtlpProtocol, Propagator, Sampler, Sampling, SpanLimits,
};
use super::variables::{self as all, Disclosure, Variable};
use crate::environment::Environment;
use crate::error::{ConfigError, Invalid, Warning, quoted};
use crate::names::OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
use crate::value::{boolean, millis};

/// Where agents listen.
pub(super) const AGENT_PORT: u16 = 6831;

/// The environment, as OpenTelemetry's users see it.
///
/// The component may have a tracer of its own that reads the same variables. A value that is
/// unknown here is therefore left out with a warning, as the specification demands, and does not
/// stop the start.
pub(super) struct Otel<'a> {
    pub(super) environment: &'a Environment,
    pub(super) warnings: Vec<Warning>,
}

/// Who sends spans.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exporter {
    Otlp,
    Jaeger,
    /// Tracing is switched off.
    None,
}

impl<'a> Otel<'a> {
    pub(super) fn is_off(&mut self) -> bool {
        self.lenient(&all::DISABLED, |_, text| good(boolean(text))) == Some(true)
    }

    /// The exporter that is named, and the variable that names it.
    pub(super) fn exporter(&mut self) -> Option<(Exporter, &'static str)> {
        let (name, found) = self.words(&all::EXPORTER, |word| match word {
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
            self.warnings.push(Warning(format!(
                "{name} names two exporters: the first one counts, the other is left out"
            )));
        }
        Some((first, name))
    }

    /// The variable, if any, that says where a collector is.
    pub(super) fn endpoint(&self) -> Option<&'static str> {
        let mut names = all::ENDPOINT.names.iter().copied();
        names.find(|name| self.environment.get(name).is_some())
    }

    /// If either is set, both count: the exporter's crate reads them so, and cannot be configured.
    pub(super) fn agent(&self) -> Result<Option<JaegerAgent>, ConfigError> {
        // Also where it is empty, and then it sends nothing.
        for variable in [&all::AGENT_HOST_NAME, &all::AGENT_PORT_NUMBER] {
            for name in variable.names {
                let raw = self.environment.raw(name);
                if let Some(raw) = raw.filter(|raw| raw.to_string_lossy().trim().is_empty()) {
                    let why = "unset it, or give it a value".to_owned();
                    return Err(fault(variable, name, raw, Some(why)).into());
                }
            }
        }
        let host = self.read(&all::AGENT_HOST_NAME, |_, text| Ok(text.to_owned()))?;
        let port = self.read(&all::AGENT_PORT_NUMBER, |_, text| {
            good(text.parse().ok().filter(|port| *port != 0))
        })?;
        Ok((host.is_some() || port.is_some()).then(|| JaegerAgent {
            host: host.unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: port.unwrap_or(AGENT_PORT),
        }))
    }

    pub(super) fn collector(&self) -> Result<OtlpCollector, ConfigError> {
        let protocol = self.read(&all::PROTOCOL, |_, text| {
            good(match text.to_ascii_lowercase().as_str() {
                "grpc" => Some(OtlpProtocol::Grpc),
                "http/protobuf" => Some(OtlpProtocol::HttpProtobuf),
                _ => None,
            })
        })?;
        let protocol = protocol.unwrap_or(OtlpProtocol::HttpProtobuf);
        let is_grpc = protocol == OtlpProtocol::Grpc;
        let endpoint = self.read(&all::ENDPOINT, |name, text| {
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
                .read(&all::HEADERS, |_, text| headers(text).map_err(Some))?
                .unwrap_or_default(),
            timeout: self.time(&all::TIMEOUT)?.unwrap_or(Duration::from_secs(10)),
            gzip: self
                .read(&all::COMPRESSION, |_, text| {
                    good(match text.to_ascii_lowercase().as_str() {
                        "gzip" => Some(true),
                        "none" => Some(false),
                        _ => None,
                    })
                })?
                .unwrap_or(false),
        })
    }

    pub(super) fn service(&self) -> Result<Option<String>, ConfigError> {
        self.read(&all::SERVICE, |_, text| Ok(text.to_owned()))
    }

    pub(super) fn resource(&mut self) -> Vec<(String, String)> {
        let parse = |_, text: &str| pairs(text, unescaped).map_err(Some);
        self.lenient(&all::RESOURCE, parse).unwrap_or_default()
    }

    pub(super) fn sampling(&mut self) -> Result<Option<Sampling>, ConfigError> {
        let sampling = self.lenient(&all::SAMPLER, |_, text| {
            let text = text.to_ascii_lowercase();
            let (follows_caller, rule) = match text.strip_prefix("parentbased_") {
                Some(rule) => (true, rule),
                None => (false, text.as_str()),
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
        });
        let Some(mut sampling) = sampling else {
            return Ok(None);
        };
        if let Sampler::Probabilistic(part) = &mut sampling.sampler {
            let given = self.read(&all::SAMPLER_ARG, |_, text| {
                let part: Option<f64> = text.parse().ok();
                good(part.filter(|part| (0.0..=1.0).contains(part)))
            })?;
            *part = given.unwrap_or(1.0);
        }
        Ok(Some(sampling))
    }

    /// `None` also where all that is named is unknown.
    pub(super) fn propagators(&mut self) -> Option<Vec<Propagator>> {
        let (_, found) = self.words(&all::PROPAGATORS, |word| match word {
            "tracecontext" => Some(Some(Propagator::TraceContext)),
            "b3" | "b3multi" => Some(Some(Propagator::B3)),
            "jaeger" => Some(Some(Propagator::Jaeger)),
            "baggage" | "none" => Some(None),
            _ => None,
        })?;
        let mut propagators = Vec::new();
        for one in found.iter().flatten() {
            if !propagators.contains(one) {
                propagators.push(*one);
            }
        }
        (!found.is_empty()).then_some(propagators)
    }

    pub(super) fn limits(&self, is_otlp: bool) -> Result<SpanLimits, ConfigError> {
        let count = |variable, least: usize| {
            self.read(variable, |_, text| {
                let count: Option<usize> = text.parse().ok();
                good(count.filter(|count| (least..=1_000_000).contains(count)))
            })
        };
        // What one request makes must fit in.
        let queue = count(&all::QUEUE, 16)?.unwrap_or(2048);
        let delay = Duration::from_secs(if is_otlp { 5 } else { 1 });
        Ok(SpanLimits {
            queue,
            batch: count(&all::BATCH, 1)?.unwrap_or(512).min(queue),
            delay: self.time(&all::DELAY)?.unwrap_or(delay),
            timeout: self
                .time(&all::EXPORT_TIMEOUT)?
                .unwrap_or(Duration::from_secs(30)),
        })
    }

    fn time(&self, variable: &Variable) -> Result<Option<Duration>, ConfigError> {
        self.read(variable, |_, text| {
            good(millis(text).filter(|time| !time.is_zero()))
        })
    }

    /// The words of a list that are known, and the variable that it is in.
    fn words<T>(
        &mut self,
        variable: &Variable,
        known: impl Fn(&str) -> Option<T>,
    ) -> Option<(&'static str, Vec<T>)> {
        let (name, raw) = self.find(variable)?;
        let text = raw.to_string_lossy();
        let mut found = Vec::new();
        for word in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            match known(&word.to_ascii_lowercase()) {
                Some(one) => found.push(one),
                None => self.leave_out(&fault(variable, name, OsStr::new(word), None)),
            }
        }
        Some((name, found))
    }

    /// Reads one that an unknown value only leaves unset.
    fn lenient<T>(
        &mut self,
        variable: &Variable,
        parse: impl FnOnce(&'static str, &str) -> Result<T, Option<String>>,
    ) -> Option<T> {
        match self.attempt(variable, parse) {
            Ok(value) => value,
            Err(fault) => {
                self.leave_out(&fault);
                None
            }
        }
    }

    fn leave_out(&mut self, fault: &Invalid) {
        let Invalid {
            names,
            seen,
            allowed,
            why,
            ..
        } = fault;
        let why = why
            .as_ref()
            .map_or(String::new(), |why| format!(" ({why})"));
        self.warnings.push(Warning(format!(
            "{names}: {seen} is left out{why}, allowed is {allowed}"
        )));
    }

    fn read<T>(
        &self,
        variable: &Variable,
        parse: impl FnOnce(&'static str, &str) -> Result<T, Option<String>>,
    ) -> Result<Option<T>, ConfigError> {
        self.attempt(variable, parse).map_err(ConfigError::from)
    }

    fn attempt<T>(
        &self,
        variable: &Variable,
        parse: impl FnOnce(&'static str, &str) -> Result<T, Option<String>>,
    ) -> Result<Option<T>, Invalid> {
        let Some((name, raw)) = self.find(variable) else {
            return Ok(None);
        };
        let parsed = match raw.to_str() {
            Some(text) => parse(name, text.trim()),
            None => Err(Some("it is not UTF-8".to_owned())),
        };
        parsed
            .map(Some)
            .map_err(|why| fault(variable, name, raw, why))
    }

    /// The first of a setting's variables that is set.
    fn find(&self, variable: &Variable) -> Option<(&'static str, &'a OsStr)> {
        let mut names = variable.names.iter().copied();
        names.find_map(|name| Some((name, self.environment.get(name)?)))
    }
}

fn good<T>(value: Option<T>) -> Result<T, Option<String>> {
    value.ok_or(None)
}

/// Says no more of a variable's value than a message may.
fn fault(variable: &Variable, name: &'static str, raw: &OsStr, why: Option<String>) -> Invalid {
    let text = raw.to_string_lossy();
    Invalid {
        names: name.to_owned(),
        source: format!("the variable {name}"),
        seen: match variable.disclosure {
            Disclosure::Full => quoted(&text),
            Disclosure::Url => quoted(&without_secrets(&text)),
            Disclosure::None => "the value (not shown)".to_owned(),
        },
        why,
        allowed: variable.allowed.to_owned(),
    }
}
