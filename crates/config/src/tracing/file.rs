//! `JAEGER_CONFIG_PATH`: what Jaeger's clients read.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::parse::invalid;
use super::propagation::{PROPAGATIONS, Propagator};
use super::sampling::Sampler;
use crate::error::{ConfigError, quoted};
use crate::settings::tracing::JAEGER_CONFIG_PATH;

/// What counts of the file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) is_off: bool,
    pub(super) service: Option<String>,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) sampler: Option<Sampler>,
    pub(super) propagation: Option<Propagator>,
    pub(super) tags: BTreeMap<String, String>,
}

const SAMPLERS: &str =
    "type const with param 0 or 1, probabilistic with 0 to 1, ratelimiting with requests a second";

const AGENT: &str = "a mapping with reporting_host and reporting_port";

/// What is wrong with it, and what is allowed in that place.
type Fault = (String, &'static str);

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let fault = |(why, allowed): Fault| {
            let seen = path.to_string_lossy();
            invalid(&JAEGER_CONFIG_PATH, &seen, Some(why), allowed)
        };
        let text = std::fs::read_to_string(path)
            .map_err(|error| fault((error.to_string(), "a YAML file that can be read")))?;
        Self::parse(&text).map_err(fault)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let root: Value =
            serde_yaml_ng::from_str(text).map_err(|error| (error.to_string(), "a file in YAML"))?;
        if !root.is_object() && !root.is_null() {
            return Err(("it is not a mapping".to_owned(), "a YAML mapping"));
        }
        let agent = &root["local_agent"];
        if !agent.is_object() && !agent.is_null() {
            return Err(bad("local_agent", agent, AGENT));
        }
        Ok(Self {
            is_off: match &root["enabled"] {
                Value::Null => false,
                Value::Bool(on) => !on,
                other => return Err(bad("enabled", other, "true or false")),
            },
            service: text_of("service_name", &root["service_name"])?,
            host: text_of("local_agent.reporting_host", &agent["reporting_host"])?,
            port: match &agent["reporting_port"] {
                Value::Null => None,
                value => Some(port(value).ok_or_else(|| {
                    bad(
                        "local_agent.reporting_port",
                        value,
                        "a port from 1 to 65535",
                    )
                })?),
            },
            sampler: sampler(&root["sampler"])?,
            propagation: match text_of("propagation", &root["propagation"])? {
                None => None,
                Some(text) => Some(
                    Propagator::parse(&text)
                        .ok_or_else(|| bad("propagation", &root["propagation"], PROPAGATIONS))?,
                ),
            },
            tags: match &root["tags"] {
                Value::Null => BTreeMap::new(),
                Value::Object(tags) => tags
                    .iter()
                    .map(|(name, value)| (name.clone(), plain_text(value)))
                    .collect(),
                other => return Err(bad("tags", other, "a mapping of names to values")),
            },
        })
    }
}

fn sampler(value: &Value) -> Result<Option<Sampler>, Fault> {
    let is_unset = match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    if is_unset {
        return Ok(None);
    }
    let (kind, param) = (&value["type"], &value["param"]);
    // Jaeger's clients ask an agent where no type is given. To record everything instead may be far
    // too much.
    let Some(kind) = text_of("sampler.type", kind)? else {
        return Err(bad("sampler", value, SAMPLERS));
    };
    let number = match param {
        Value::Bool(is) => Some(f64::from(u8::from(*is))),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null => None,
        other => other.as_f64(),
    };
    let sampler = match (kind.as_str(), number) {
        ("const", Some(number)) if number == 0.0 || number == 1.0 => {
            Some(Sampler::Const(number != 0.0))
        }
        ("probabilistic", Some(part)) if (0.0..=1.0).contains(&part) => {
            Some(Sampler::Probabilistic(part))
        }
        // Which Jaeger's clients for Python know by both names.
        ("ratelimiting" | "rate_limiting", Some(rate)) if rate >= 0.0 && rate.is_finite() => {
            Some(Sampler::RateLimiting(rate))
        }
        _ => None,
    };
    sampler
        .map(Some)
        .ok_or_else(|| bad("sampler", value, SAMPLERS))
}

fn text_of(name: &str, value: &Value) -> Result<Option<String>, Fault> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(bad(name, other, "a text")),
    }
}

fn port(value: &Value) -> Option<u16> {
    plain_text(value)
        .trim()
        .parse()
        .ok()
        .filter(|port| *port != 0)
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn bad(name: &str, value: &Value, allowed: &'static str) -> Fault {
    (format!("{name} is {}", quoted(&plain_text(value))), allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_jaegers_clients_read_is_read() {
        let file = File::parse(
            "enabled: true\nservice_name: s\nlogging: true\npropagation: b3\n\
             sampler:\n  type: ratelimiting\n  param: 2\n\
             local_agent:\n  reporting_host: jaeger\n  reporting_port: 6832\n\
             tags:\n  zone: a\n  number: 1\n",
        )
        .unwrap();
        assert_eq!(file.service.as_deref(), Some("s"));
        assert_eq!(
            (file.host.as_deref(), file.port),
            (Some("jaeger"), Some(6832))
        );
        assert_eq!(file.sampler, Some(Sampler::RateLimiting(2.0)));
        assert_eq!(file.propagation, Some(Propagator::B3));
        assert_eq!(file.tags["number"], "1");
        assert!(!file.is_off && File::parse("enabled: false").unwrap().is_off);
        for text in ["", "sampler:", "sampler: {}", "local_agent:"] {
            assert_eq!(File::parse(text).unwrap().sampler, None);
        }
    }

    #[test]
    fn fields_of_the_wrong_form_are_errors() {
        for (text, place, allowed) in [
            ("sampler: {param: 0.01}", "sampler", SAMPLERS),
            ("sampler: {type: ~, param: 0.01}", "sampler", SAMPLERS),
            ("sampler: {typ: const}", "sampler", SAMPLERS),
            ("sampler: probabilistic", "sampler", SAMPLERS),
            ("sampler: [const]", "sampler", SAMPLERS),
            ("local_agent: somehost", "local_agent", AGENT),
            ("local_agent: [somehost]", "local_agent", AGENT),
        ] {
            let (why, found) = File::parse(text).unwrap_err();
            assert!(why.starts_with(&format!("{place} is ")), "{why}");
            assert_eq!(found, allowed);
        }
    }

    #[test]
    fn samplers_have_their_parameters() {
        let read = |kind: &str, param: &str| {
            let file = File::parse(&format!("sampler:\n  type: {kind}\n  param: {param}\n"));
            file.map(|file| file.sampler.unwrap())
                .map_err(|(why, _)| why)
        };
        assert_eq!(read("const", "1"), Ok(Sampler::Const(true)));
        assert_eq!(read("const", "false"), Ok(Sampler::Const(false)));
        assert_eq!(
            read("probabilistic", "0.25"),
            Ok(Sampler::Probabilistic(0.25))
        );
        assert_eq!(
            read("probabilistic", "\"1\""),
            Ok(Sampler::Probabilistic(1.0))
        );
        assert_eq!(read("rate_limiting", "2"), Ok(Sampler::RateLimiting(2.0)));
        for (kind, param) in [
            // Jaeger's clients do not agree on what that is.
            ("const", "~"),
            ("const", "2"),
            ("const", "x"),
            ("probabilistic", "1.5"),
            ("probabilistic", "~"),
            ("probabilistic", ".nan"),
            ("ratelimiting", "-1"),
            ("remote", "1"),
        ] {
            let why = read(kind, param).unwrap_err();
            assert!(why.contains(kind), "{why}");
        }
    }
}
