//! The collector that spans are sent to by OTLP.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::url::{headers, url, without_secrets};
use super::variable::{Disclosure, MILLIS, PAIRS, Variable, good};
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::language::Text;

/// A collector that speaks OTLP. Its `Debug` shows no secrets: of headers, the names alone.
#[derive(Clone, PartialEq, Eq)]
pub struct OtlpCollector {
    /// How to speak to it.
    pub protocol: OtlpProtocol,
    /// The whole URL, which starts with `http://` or `https://`; for HTTP with its path.
    pub endpoint: String,
    /// Headers, or metadata, of every export.
    pub headers: Vec<(String, String)>,
    /// What one try may take, and after which no other try of an export begins.
    pub timeout: Duration,
    /// Whether exports are packed by gzip.
    pub gzip: bool,
    /// What counts where the URL starts with `https://`.
    pub tls: OtlpTls,
}

/// TLS with a collector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OtlpTls {
    /// Authorities of the collector, in PEM; `None`: those of the system.
    pub authorities: Option<PathBuf>,
    /// The certificate of this client and its key, in PEM.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl fmt::Debug for OtlpCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpCollector")
            .field("protocol", &self.protocol)
            .field("endpoint", &without_secrets(&self.endpoint))
            .field("headers", &headers)
            .field("timeout", &self.timeout)
            .field("gzip", &self.gzip)
            .field("tls", &self.tls)
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

pub(super) static VARIABLES: &[&Variable] = &[
    &ENDPOINT,
    &PROTOCOL,
    &HEADERS,
    &TIMEOUT,
    &COMPRESSION,
    &CERTIFICATE,
    &CLIENT_CERTIFICATE,
    &CLIENT_KEY,
];

/// The endpoint for traces alone, which is taken as it is.
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

static ENDPOINT: Variable = Variable {
    names: &[TRACES_ENDPOINT, "OTEL_EXPORTER_OTLP_ENDPOINT"],
    default: Text {
        en: "http://localhost:4318/v1/traces, for gRPC http://localhost:4317",
        zh: "http://localhost:4318/v1/traces；用 gRPC 时为 http://localhost:4317",
    },
    meaning: Text {
        en: "URL of the collector. The one for traces is taken as it is; over HTTP, /v1/traces is \
             added to the general one",
        zh: "collector 的 URL。专用于追踪的按原样使用；用 HTTP 时，通用的会加上 /v1/traces",
    },
    allowed: Text {
        en: "http://host:port or https://host:port with a path or without, for gRPC also host:port",
        zh: "http://host:port 或 https://host:port，可带路径，用 gRPC 时也可写 host:port",
    },
    disclosure: Disclosure::Url,
};

static PROTOCOL: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    ],
    default: Text {
        en: "http/protobuf",
        zh: "http/protobuf",
    },
    meaning: Text {
        en: "How OTLP is spoken",
        zh: "OTLP 使用的协议",
    },
    allowed: Text {
        en: "one of grpc http/protobuf",
        zh: "grpc、http/protobuf 之一",
    },
    disclosure: Disclosure::Full,
};

static HEADERS: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_HEADERS",
    ],
    default: Text {
        en: "none",
        zh: "无",
    },
    meaning: Text {
        en: "Headers, or gRPC metadata, of every export",
        zh: "每次导出附带的请求头或 gRPC metadata",
    },
    allowed: PAIRS,
    disclosure: Disclosure::None,
};

static TIMEOUT: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
    ],
    default: Text {
        en: "10000",
        zh: "10000",
    },
    meaning: Text {
        en: "What all tries of one export may take together: no other one begins after it. A try \
             that is under way may take as long once more",
        zh: "一次导出的所有尝试合计可用的时间：超过后不再开始新的尝试，已在进行的尝试最多再用同样长\
             的时间",
    },
    allowed: MILLIS,
    disclosure: Disclosure::Full,
};

static COMPRESSION: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "OTEL_EXPORTER_OTLP_COMPRESSION",
    ],
    default: Text {
        en: "none",
        zh: "none",
    },
    meaning: Text {
        en: "How exports are packed",
        zh: "导出数据的压缩方式",
    },
    allowed: Text {
        en: "one of gzip none",
        zh: "gzip、none 之一",
    },
    disclosure: Disclosure::Full,
};

const PATH: Text = Text {
    en: "a path",
    zh: "路径",
};

static CERTIFICATE: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
    ],
    default: Text {
        en: "the system's authorities",
        zh: "系统的颁发机构",
    },
    meaning: Text {
        en: "Authorities of a collector with https, in PEM; read at the start",
        zh: "https 的 collector 的颁发机构证书，PEM 格式；在启动时读取",
    },
    allowed: PATH,
    disclosure: Disclosure::Full,
};

static CLIENT_CERTIFICATE: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    ],
    default: Text {
        en: "none",
        zh: "无",
    },
    meaning: Text {
        en: "Certificate that this server shows to a collector with https, in PEM",
        zh: "本服务器向 https 的 collector 出示的证书，PEM 格式",
    },
    allowed: PATH,
    disclosure: Disclosure::Full,
};

static CLIENT_KEY: Variable = Variable {
    names: &[
        "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
        "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    ],
    default: Text {
        en: "none",
        zh: "无",
    },
    meaning: Text {
        en: "Key of that certificate, in PEM",
        zh: "该证书的密钥，PEM 格式",
    },
    allowed: PATH,
    disclosure: Disclosure::Full,
};

/// The variable, if any, that says where a collector is.
pub(super) fn endpoint(environment: &Environment) -> Option<&'static str> {
    ENDPOINT.find(environment).map(|(name, _)| name)
}

pub(super) fn collector(environment: &Environment) -> Result<OtlpCollector, ConfigError> {
    let protocol = PROTOCOL.read(environment, |_, text| {
        good(match text.to_ascii_lowercase().as_str() {
            "grpc" => Some(OtlpProtocol::Grpc),
            "http/protobuf" => Some(OtlpProtocol::HttpProtobuf),
            _ => None,
        })
    })?;
    let protocol = protocol.unwrap_or(OtlpProtocol::HttpProtobuf);
    let is_grpc = protocol == OtlpProtocol::Grpc;
    let endpoint = ENDPOINT.read(environment, |name, text| {
        let url = url(text, is_grpc)?;
        if is_grpc || name == TRACES_ENDPOINT {
            return Ok(url);
        }
        Ok(format!("{}/v1/traces", url.trim_end_matches('/')))
    })?;
    let default = if is_grpc {
        "http://localhost:4317"
    } else {
        "http://localhost:4318/v1/traces"
    };
    let headers = HEADERS.read(environment, |_, text| headers(text).map_err(Some))?;
    let timeout = TIMEOUT.time(environment)?;
    let gzip = COMPRESSION.read(environment, |_, text| {
        good(match text.to_ascii_lowercase().as_str() {
            "gzip" => Some(true),
            "none" => Some(false),
            _ => None,
        })
    })?;
    Ok(OtlpCollector {
        protocol,
        endpoint: endpoint.unwrap_or_else(|| default.to_owned()),
        headers: headers.unwrap_or_default(),
        timeout: timeout.unwrap_or(Duration::from_secs(10)),
        gzip: gzip.unwrap_or(false),
        tls: tls(environment)?,
    })
}

fn tls(environment: &Environment) -> Result<OtlpTls, ConfigError> {
    let path = |variable: &Variable| {
        let found = variable.find(environment);
        found.map(|(name, path)| (name, PathBuf::from(path)))
    };
    let incomplete = |given: &str, missing: &Variable| {
        Err(ConfigError::Incomplete {
            given: given.to_owned(),
            missing: missing.names.join(", "),
        })
    };
    Ok(OtlpTls {
        authorities: path(&CERTIFICATE).map(|(_, path)| path),
        client: match (path(&CLIENT_CERTIFICATE), path(&CLIENT_KEY)) {
            (Some((_, certificate)), Some((_, key))) => Some((certificate, key)),
            (Some((name, _)), None) => return incomplete(name, &CLIENT_KEY),
            (None, Some((name, _))) => return incomplete(name, &CLIENT_CERTIFICATE),
            (None, None) => None,
        },
    })
}
