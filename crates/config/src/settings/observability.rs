//! Metrics, logs, and the development server.

use crate::draft::Part;
use crate::kind::{Bool, LenientBool, Port, UrlPath, Words, words};
use crate::language::Text;
use crate::row::DefaultValue::{Derived, Typed};
use crate::row::Flag::{self, Bare, Preceded, Value};
use crate::row::{Group, Row, Status, To};

/// Metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// 0: the system chooses.
    pub port: u16,
    /// Path, with `/` at its start.
    pub endpoint: String,
    /// Put the component's metrics into the response's `meta`.
    pub in_response: bool,
    /// Serve `/debug/requests`.
    pub debug_endpoints: bool,
}

impl Part for Metrics {
    fn blank() -> Self {
        Self {
            port: 0,
            endpoint: String::new(),
            in_response: false,
            debug_endpoints: false,
        }
    }
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Least level that is logged; already DEBUG in the development server.
    pub level: LogLevel,
    /// Form of the lines.
    pub format: LogFormat,
    /// Log every request.
    pub access: bool,
    /// Leave scrapes of the metrics endpoint out of that.
    pub filter_scrapes: bool,
}

impl Part for Log {
    fn blank() -> Self {
        Self {
            level: LogLevel::Debug,
            format: LogFormat::Text,
            access: false,
            filter_scrapes: false,
        }
    }
}

words! {
    /// Levels of the log.
    LogLevel {
        /// All there is.
        Debug = "DEBUG",
        /// What an operator wants to know.
        Info = "INFO",
        /// What may be wrong.
        Warning = "WARNING",
        /// What is wrong.
        Error = "ERROR",
    }
}

words! {
    /// Form of the log lines.
    LogFormat {
        /// For people.
        Text = "text",
        /// For machines: an object on every line.
        Json = "json",
    }
}

/// The development server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Development {
    /// Run as one.
    pub enabled: bool,
}

impl Part for Development {
    fn blank() -> Self {
        Self { enabled: false }
    }
}

pub(super) static ROWS: &[&Row] = &[
    &METRICS_PORT,
    &METRICS_ENDPOINT,
    &INCLUDE_METRICS,
    &DEBUG_ENDPOINTS,
    &LOG_LEVEL,
    &LOG_FORMAT,
    &DEBUG,
    &ACCESS_LOG,
    &FILTER_METRICS_ACCESS_LOGS,
];

pub(crate) static METRICS_PORT: Row = Row {
    flag: Value("metrics-port"),
    variables: &[
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT",
        "MLSERVER_METRICS_PORT",
    ],
    default: Typed("6000"),
    value: &To(Port, |metrics: &mut Metrics, port| metrics.port = port),
    group: Group::Metrics,
    status: Status::Active,
    meaning: Text {
        en: "Port of the health probes and of Prometheus",
        zh: "健康探针与 Prometheus 指标的端口",
    },
    detail: Text {
        en: "/live and /ready respond from the first second, before the component is loaded.",
        zh: "/live 与 /ready 从第一秒起即有响应，早于组件加载完成。",
    },
};

static METRICS_ENDPOINT: Row = Row {
    flag: Flag::None,
    variables: &[
        "PREDICTIVE_UNIT_METRICS_ENDPOINT",
        "MLSERVER_METRICS_ENDPOINT",
    ],
    default: Typed("/metrics"),
    value: &To(UrlPath, |metrics: &mut Metrics, path| {
        metrics.endpoint = path;
    }),
    group: Group::Metrics,
    status: Status::Active,
    meaning: Text {
        en: "Path of the metrics endpoint",
        zh: "指标端点的路径",
    },
    detail: Text {
        en: "The operator sets it to /prometheus.",
        zh: "Operator 将其设为 /prometheus。",
    },
};

static INCLUDE_METRICS: Row = Row {
    flag: Flag::None,
    variables: &["INCLUDE_METRICS_IN_CLIENT_RESPONSE"],
    default: Typed("true"),
    value: &To(LenientBool, |metrics: &mut Metrics, on| {
        metrics.in_response = on;
    }),
    group: Group::Metrics,
    status: Status::Active,
    meaning: Text {
        en: "Whether the component's metrics go into the response's meta",
        zh: "是否把组件的指标写入响应的 meta",
    },
    detail: Text::NONE,
};

static DEBUG_ENDPOINTS: Row = Row {
    flag: Bare("debug-endpoints", "1"),
    variables: &["STREELING_DEBUG_ENDPOINTS"],
    default: Typed("false"),
    value: &To(Bool, |metrics: &mut Metrics, on| {
        metrics.debug_endpoints = on;
    }),
    group: Group::Metrics,
    status: Status::Active,
    meaning: Text {
        en: "Serve /debug/requests on the metrics port: the requests and workers of this moment",
        zh: "在指标端口提供 /debug/requests：此刻的请求与工作进程",
    },
    detail: Text {
        en: "JSON: for each request its id, method, shape, age and where it is, for each worker \
             its process, state and memory. Everyone who reaches the port can read it. SIGUSR1 \
             logs the same, and the Python stacks of busy workers, without this setting, too.",
        zh: "JSON：每个请求的 id、方法、形状、时长及所处位置，每个工作进程的进程号、状态与内存。\
             凡能访问该端口者均可读取。SIGUSR1 将同样的内容以及繁忙工作进程的 Python 调用栈\
             写入日志，无需启用本项。",
    },
};

pub(crate) static LOG_LEVEL: Row = Row {
    flag: Preceded("log-level"),
    variables: &["SELDON_LOG_LEVEL", "LOG_LEVEL_ENV"],
    default: Typed("INFO"),
    value: &To(
        Words::<LogLevel>::with(
            "LEVEL",
            // Levels that do not exist here, and that manifests for seldon-core have.
            &[
                ("CRITICAL", "ERROR"),
                ("FATAL", "ERROR"),
                ("NOTSET", "DEBUG"),
                ("WARN", "WARNING"),
            ],
        ),
        |log: &mut Log, level| log.level = level,
    ),
    group: Group::Logging,
    status: Status::Active,
    meaning: Text {
        en: "Least level that is logged",
        zh: "输出日志的最低等级",
    },
    detail: Text {
        en: "SELDON_LOG_LEVEL comes before the flag and before --debug, as on seldon-core. \
             CRITICAL and FATAL are read as ERROR, WARN as WARNING, NOTSET as DEBUG, with a \
             warning.",
        zh: "与 seldon-core 一样，SELDON_LOG_LEVEL 优先于该标识和 --debug。CRITICAL 和 FATAL 视为 \
             ERROR，WARN 视为 WARNING，NOTSET 视为 DEBUG，并输出警告。",
    },
};

static LOG_FORMAT: Row = Row {
    flag: Value("log-format"),
    variables: &["STREELING_LOG_FORMAT"],
    default: Typed("text"),
    value: &To(Words::<LogFormat>::ALL, |log: &mut Log, format| {
        log.format = format;
    }),
    group: Group::Logging,
    status: Status::Active,
    meaning: Text {
        en: "Form of the log lines",
        zh: "日志行的格式",
    },
    detail: Text::NONE,
};

static DEBUG: Row = Row {
    flag: Bare("debug", "1"),
    variables: &["SELDON_DEBUG"],
    default: Typed("false"),
    value: &To(LenientBool, |development: &mut Development, on| {
        development.enabled = on;
    }),
    group: Group::Logging,
    status: Status::Active,
    meaning: Text {
        en: "Development server, and log level DEBUG whatever --log-level says",
        zh: "启用开发服务器，并将日志等级设为 DEBUG，不论 --log-level 取何值",
    },
    detail: Text {
        en: "One worker for each transport; all are reloaded when a Python file below --app-dir \
             changes; errors of the component carry its traceback. Not for production.",
        zh: "REST 与 gRPC 各只有一个工作进程；--app-dir 下的 Python 文件有改动时全部重新加载；\
             组件的错误会带上 traceback。不要用于生产环境。",
    },
};

static ACCESS_LOG: Row = Row {
    flag: Bare("access-log", "1"),
    variables: &["GUNICORN_ACCESS_LOG"],
    default: Typed("false"),
    value: &To(LenientBool, |log: &mut Log, on| log.access = on),
    group: Group::Logging,
    status: Status::Active,
    meaning: Text {
        en: "Access log on standard output",
        zh: "在标准输出打印访问日志",
    },
    detail: Text::NONE,
};

static FILTER_METRICS_ACCESS_LOGS: Row = Row {
    flag: Flag::None,
    variables: &["FILTER_METRICS_ACCESS_LOGS"],
    default: Derived(
        Text {
            en: "true, with --debug false",
            zh: "true，启用 --debug 时为 false",
        },
        |draft, _| {
            draft.part::<Log>().filter_scrapes = !draft.part::<Development>().enabled;
        },
    ),
    value: &To(LenientBool, |log: &mut Log, on| log.filter_scrapes = on),
    group: Group::Logging,
    status: Status::Active,
    meaning: Text {
        en: "Leave scrapes of the metrics endpoint out of the access log",
        zh: "从访问日志中过滤掉对指标端点的抓取",
    },
    detail: Text::NONE,
};
