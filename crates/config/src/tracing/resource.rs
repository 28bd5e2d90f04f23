//! What the server is called, and what else is said of it.

use super::parse::pairs;
use super::url::unescaped;
use super::variable::{Disclosure, PAIRS, Variable};
use crate::context::Context;
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::language::Text;

pub(super) static VARIABLES: &[&Variable] = &[&SERVICE, &RESOURCE];

static SERVICE: Variable = Variable {
    names: &["OTEL_SERVICE_NAME"],
    default: Text {
        en: "service.name in OTEL_RESOURCE_ATTRIBUTES, else service_name in JAEGER_CONFIG_PATH, \
             else interface_name",
        zh: "OTEL_RESOURCE_ATTRIBUTES 中的 service.name，否则 JAEGER_CONFIG_PATH 中的 \
             service_name，否则 interface_name",
    },
    meaning: Text {
        en: "What the server is called in traces",
        zh: "服务器在追踪数据中的服务名",
    },
    allowed: Text {
        en: "any text",
        zh: "任意文本",
    },
    disclosure: Disclosure::Full,
};

pub(super) fn service(environment: &Environment) -> Result<Option<String>, ConfigError> {
    SERVICE.read(environment, |_, text| Ok(text.to_owned()))
}

static RESOURCE: Variable = Variable {
    names: &["OTEL_RESOURCE_ATTRIBUTES"],
    default: Text {
        en: "none",
        zh: "无",
    },
    meaning: Text {
        en: "What else is said of the server: resource attributes, or Jaeger's process tags",
        zh: "服务器的其他信息：资源属性，即 Jaeger 的进程标签",
    },
    allowed: PAIRS,
    disclosure: Disclosure::Full,
};

pub(super) fn resource(context: &mut Context<'_>) -> Vec<(String, String)> {
    let parse = |_, text: &str| pairs(text, unescaped).map_err(Some);
    RESOURCE.lenient(context, parse).unwrap_or_default()
}
