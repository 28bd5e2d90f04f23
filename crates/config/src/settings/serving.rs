//! Ports, the REST server, and what holds for both transports.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::annotations::REST_TIMEOUT;
use crate::context::Context;
use crate::draft::Part;
use crate::kind::{
    Address, AnyText, Bool, Count, Kind as _, Memory, Millis, Port, Seconds, Size, millis,
};
use crate::language::{Language, Text};
use crate::row::DefaultValue::{self, Derived, Typed};
use crate::row::Flag::{self, Bare, Value};
use crate::row::{Group, Nowhere, Row, Status, To};

/// What holds on every port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address of all ports.
    pub host: IpAddr,
    /// How long a client of REST or gRPC may pause in the middle of a request. Never zero.
    pub idle_timeout: Duration,
    /// Bytes that requests under way may take in the server; `None`: half of what is free when the
    /// ports open.
    pub max_memory: Option<usize>,
    /// Connections of REST, and of gRPC, at most; `None`: as many as descriptors allow. At least 1.
    pub max_connections: Option<usize>,
    /// From how many bytes on responses are compressed; `None`: never. At least 1.
    pub compress_from: Option<usize>,
}

impl Part for Listen {
    fn blank() -> Self {
        Self {
            host: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            idle_timeout: Duration::ZERO,
            max_memory: None,
            max_connections: None,
            compress_from: None,
        }
    }
}

/// The REST server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// 0: the system chooses.
    pub port: u16,
    /// Worker processes; 0: the port has health alone, and none in a build without REST.
    pub workers: u32,
    /// Threads in each, at least 1; already 1 where workers are to be single-threaded.
    pub threads: u32,
    /// The number of threads is not set.
    pub threads_are_default: bool,
    /// How long an idle connection is kept open; zero: it is closed after its response.
    pub keepalive: Duration,
    /// Deadline of one request. Never zero.
    pub timeout: Option<Duration>,
    /// Largest request and response, in bytes, from 1 to 2^31 - 1.
    pub max_body: usize,
    /// Show people a page at `/`.
    pub page: bool,
}

impl Part for Rest {
    fn blank() -> Self {
        Self {
            port: 0,
            workers: 0,
            threads: 0,
            threads_are_default: false,
            keepalive: Duration::ZERO,
            timeout: None,
            max_body: 0,
            page: true,
        }
    }
}

pub(super) static ROWS: &[&Row] = &[
    &HOST,
    &HTTP_PORT,
    &KEEPALIVE,
    &MAX_BODY_SIZE,
    &COMPRESS_FROM,
    &NO_PAGE,
    &TIMEOUT_MS,
    &IDLE_TIMEOUT,
    &MAX_MEMORY,
    &MAX_CONNECTIONS,
    &LEGACY_PORT,
];

static HOST: Row = Row {
    flag: Value("host"),
    variables: &["STREELING_HOST"],
    default: Typed("0.0.0.0"),
    value: &To(Address, |listen: &mut Listen, address| {
        listen.host = address;
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Address of all ports",
        zh: "所有端口的监听地址",
    },
    detail: Text::NONE,
};

pub(crate) static HTTP_PORT: Row = Row {
    flag: Value("http-port"),
    variables: &["PREDICTIVE_UNIT_HTTP_SERVICE_PORT", "MLSERVER_HTTP_PORT"],
    default: Typed("9000"),
    value: &To(Port, |rest: &mut Rest, port| rest.port = port),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "REST port",
        zh: "REST 服务的端口",
    },
    detail: Text::NONE,
};

static KEEPALIVE: Row = Row {
    flag: Value("keepalive"),
    variables: &["GUNICORN_KEEPALIVE"],
    default: Typed("100"),
    value: &To(Seconds, |rest: &mut Rest, time| rest.keepalive = time),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Seconds that an idle REST connection is kept open",
        zh: "空闲的 REST 连接（Keep-Alive）保持打开的秒数",
    },
    detail: Text {
        en: "100, because Go's clients keep theirs for 90 and do not repeat a POST. 0 closes \
             each after its response.",
        zh: "取 100 是因为 Go 的客户端保持连接 90 秒，并且不会重发 POST。\
             0 表示每次响应后即关闭连接。",
    },
};

static NO_PAGE: Row = Row {
    flag: Bare("no-page", "1"),
    variables: &["STREELING_NO_PAGE"],
    default: Typed("false"),
    value: &To(Bool, |rest: &mut Rest, off| rest.page = !off),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Show browsers no page at / of the REST port",
        zh: "不在 REST 端口的 / 向浏览器提供页面",
    },
    detail: Text {
        en: "The page shows the component and the numbers of its calls, and lets people try it. \
             Clients that do not accept HTML never see it; a page of the component's own at / \
             comes before it. Where there is a token, the numbers and calls need it.",
        zh: "该页面展示组件及其调用的统计数据，并可在线试用。不接受 HTML 的客户端看不到它；\
             组件自己在 / 的页面优先。设有令牌时，统计数据与调用均需令牌。",
    },
};

static MAX_BODY_SIZE: Row = Row {
    flag: Value("max-body-size"),
    variables: &["STREELING_MAX_BODY_SIZE"],
    default: Typed("256 MiB"),
    value: &To(Size, |rest: &mut Rest, bytes| rest.max_body = bytes),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Largest request and response, both transports",
        zh: "请求和响应的最大长度，REST 与 gRPC 通用",
    },
    detail: Text {
        en: "Units may be of either case, with a space before them or none. The annotation \
             seldon.io/grpc-max-message-size (bytes) overrides it for gRPC.",
        zh: "单位不区分大小写，前面有无空格均可。对 gRPC，注解 seldon.io/grpc-max-message-size\
             （字节数）优先于本项。",
    },
};

static COMPRESS_FROM: Row = Row {
    flag: Value("compress-from"),
    variables: &["STREELING_COMPRESS_FROM"],
    default: DefaultValue::None,
    value: &To(Size, |listen: &mut Listen, bytes| {
        listen.compress_from = Some(bytes);
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Compress responses from this size on, both transports",
        zh: "响应达到此长度时压缩，REST 与 gRPC 通用",
    },
    detail: Text {
        en: "For clients that accept gzip, zstd or deflate, as most do by default: it saves \
             bandwidth, and costs some 8 ms of a core for each megabyte of JSON (zstd 3). Streams \
             are never compressed. Requests may be compressed in any case.",
        zh: "用于接受 gzip、zstd 或 deflate 的客户端（多数客户端默认接受）：可节省带宽，\
             但每兆字节 JSON 约占用一个核心 8 毫秒（zstd 为 3 毫秒）。流式响应从不压缩。\
             无论是否设置，请求都可以压缩。",
    },
};

pub(crate) static TIMEOUT_MS: Row = Row {
    flag: Value("timeout-ms"),
    variables: &["STREELING_TIMEOUT_MS"],
    default: Derived(
        Text {
            en: "the annotations seldon.io/rest-timeout and seldon.io/grpc-timeout, else none",
            zh: "注解 seldon.io/rest-timeout 和 seldon.io/grpc-timeout 的值，否则不限",
        },
        |draft, context| draft.part::<Rest>().timeout = timeout_of(context, REST_TIMEOUT),
    ),
    value: &To(Millis, |rest: &mut Rest, timeout| {
        rest.timeout = Some(timeout).filter(|timeout| !timeout.is_zero());
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Deadline of one request, in milliseconds",
        zh: "单个请求的处理时限，以毫秒计",
    },
    detail: Text {
        en: "0 is no deadline, whatever the annotations say.",
        zh: "0 表示不设时限，注解也不再起作用。",
    },
};

/// The deadline that an annotation gives a transport.
pub(crate) fn timeout_of(context: &mut Context<'_>, annotation: &str) -> Option<Duration> {
    let allowed = Millis.allowed(Language::English);
    let timeout = context.annotation(annotation, millis, &allowed);
    timeout.filter(|timeout| !timeout.is_zero())
}

static IDLE_TIMEOUT: Row = Row {
    flag: Value("idle-timeout"),
    variables: &["STREELING_IDLE_TIMEOUT"],
    default: Typed("60"),
    value: &To(
        Count {
            least: 1,
            most: 86_400,
        },
        |listen: &mut Listen, seconds| {
            listen.idle_timeout = Duration::from_secs(seconds.into());
        },
    ),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Seconds that a client may pause in the middle of a request, both transports",
        zh: "客户端在发送请求途中可以停顿的秒数，REST 与 gRPC 通用",
    },
    detail: Text {
        en: "Past that, 408, over gRPC DEADLINE_EXCEEDED. A gRPC client that does not read its \
             responses for so long is cut off.",
        zh: "超时返回 408，gRPC 返回 DEADLINE_EXCEEDED。gRPC 客户端不读取响应达到此时长时，\
             连接会被断开。",
    },
};

static MAX_MEMORY: Row = Row {
    flag: Value("max-memory"),
    variables: &["STREELING_MAX_MEMORY"],
    default: Derived(
        Text {
            en: "half of what is free of the container's limit, or of the machine's memory, when \
                 the component is loaded and the ports open, but at least 64 MiB",
            zh: "组件加载完毕、端口打开时，容器限额（或整机内存）中空闲部分的一半，至少 64 MiB",
        },
        |draft, _| draft.part::<Listen>().max_memory = None,
    ),
    value: &To(Memory, |listen: &mut Listen, bytes| {
        listen.max_memory = Some(bytes);
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Memory for requests under way in the server process, all ports together",
        zh: "服务器进程中处理中的请求可占用的内存，所有端口合计",
    },
    detail: Text {
        en: "Requests as they come, decoded and queued, and responses that are not sent yet; not \
             what workers take. A request that does not fit now gets 503 with Retry-After (gRPC \
             RESOURCE_EXHAUSTED), one that never fits 413. See Memory in docs/operations.md.",
        zh: "包括正在接收、已解码、排队中的请求和尚未发出的响应，不含工作进程的内存。\
             暂时放不下的请求返回 503 和 Retry-After（gRPC 为 RESOURCE_EXHAUSTED），\
             永远放不下的返回 413。参见 docs/operations.md 的 Memory 一节。",
    },
};

static MAX_CONNECTIONS: Row = Row {
    flag: Value("max-connections"),
    variables: &["STREELING_MAX_CONNECTIONS"],
    default: Derived(
        Text {
            en: "what the limit of open files (ulimit -n) allows, 50000 at most",
            zh: "由打开文件数上限（ulimit -n）决定，最多 50000",
        },
        |_, _| {},
    ),
    value: &To(
        Count {
            least: 1,
            most: 1_000_000,
        },
        |listen: &mut Listen, number| listen.max_connections = usize::try_from(number).ok(),
    ),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Connections that REST may have, and gRPC as many",
        zh: "REST 的最大连接数，gRPC 另有同样多",
    },
    detail: Text {
        en: "Beyond that a new connection waits until another has ended; those that have been \
             idle longest, for 2 seconds at least, are closed for it. The server raises its limit \
             of open files as far as it may, and keeps some for workers, probes and logs.",
        zh: "超出后，新连接须等待其他连接结束；空闲最久（至少 2 秒）的连接会被关闭以腾出位置。\
             服务器会把打开文件数上限提高到允许的最大值，并为工作进程、探针和日志保留一部分。",
    },
};

static LEGACY_PORT: Row = Row {
    flag: Flag::None,
    variables: &["PREDICTIVE_UNIT_SERVICE_PORT"],
    default: DefaultValue::None,
    value: &Nowhere(AnyText),
    group: Group::Rest,
    status: Status::Ignored,
    meaning: Text {
        en: "The operator's legacy port: ignored",
        zh: "Operator 的旧端口变量：忽略",
    },
    detail: Text::NONE,
};
