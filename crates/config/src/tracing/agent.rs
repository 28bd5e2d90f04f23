//! The Jaeger agent that OpenTelemetry's variables name.

use super::variable::{Disclosure, Variable, good};
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::language::Text;

/// A Jaeger agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JaegerAgent {
    /// A name or an address.
    pub host: String,
    /// UDP port.
    pub port: u16,
}

/// Where agents listen.
pub(super) const PORT: u16 = 6831;

pub(super) static VARIABLES: &[&Variable] = &[&AGENT_HOST, &AGENT_PORT];

static AGENT_HOST: Variable = Variable {
    names: &["OTEL_EXPORTER_JAEGER_AGENT_HOST"],
    default: Text {
        en: "127.0.0.1 where the port is set, else JAEGER_AGENT_HOST",
        zh: "设置了端口时为 127.0.0.1，否则取 JAEGER_AGENT_HOST",
    },
    meaning: Text {
        en: "Host of the Jaeger agent. This and the port come, as a pair, before Jaeger's own \
             variables; set and empty, either is refused",
        zh: "Jaeger agent 的主机。主机与端口成对生效，优先于 Jaeger 自己的变量；两者都不能设为空值",
    },
    allowed: Text {
        en: "a name or an address",
        zh: "主机名或地址",
    },
    disclosure: Disclosure::Full,
};

static AGENT_PORT: Variable = Variable {
    names: &["OTEL_EXPORTER_JAEGER_AGENT_PORT"],
    default: Text {
        en: "6831 where the host is set, else JAEGER_AGENT_PORT",
        zh: "设置了主机时为 6831，否则取 JAEGER_AGENT_PORT",
    },
    meaning: Text {
        en: "UDP port of the Jaeger agent",
        zh: "Jaeger agent 的 UDP 端口",
    },
    allowed: Text {
        en: "a port from 1 to 65535",
        zh: "1 到 65535 的端口号",
    },
    disclosure: Disclosure::Full,
};

/// If either is set, both count: the exporter's crate reads them so, and cannot be configured.
pub(super) fn agent(environment: &Environment) -> Result<Option<JaegerAgent>, ConfigError> {
    // Also where it is empty, and then it sends nothing.
    for variable in VARIABLES {
        for name in variable.names {
            let raw = environment.raw(name);
            if let Some(raw) = raw.filter(|raw| raw.to_string_lossy().trim().is_empty()) {
                let why = "unset it, or give it a value".to_owned();
                return Err(variable.fault(name, raw, Some(why)).into());
            }
        }
    }
    let host = AGENT_HOST.read(environment, |_, text| Ok(text.to_owned()))?;
    let port = AGENT_PORT.read(environment, |_, text| {
        good(text.parse().ok().filter(|port| *port != 0))
    })?;
    Ok((host.is_some() || port.is_some()).then(|| JaegerAgent {
        host: host.unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: port.unwrap_or(PORT),
    }))
}
