//! What one client of REST may take, beside the size of a body.

use std::time::Duration;

use crate::draft::Part;
use crate::kind::Count;
use crate::language::Text;
use crate::row::DefaultValue::Typed;
use crate::row::Flag::Value;
use crate::row::{Group, Row, Status, To};

/// Bounds of one request and one connection; what is of REST alone says so. None is zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a request's head.
    pub head_size: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Parts of a multipart body, and fields of a form.
    pub parts: usize,
    /// Lists and objects in each other, in JSON.
    pub json_depth: usize,
    /// How long a body may take, both transports.
    pub body_timeout: Duration,
    /// How long a head may take, from its first byte.
    pub head_timeout: Duration,
    /// How long a client may take hardly anything of its response.
    pub write_timeout: Duration,
}

impl Part for Limits {
    fn blank() -> Self {
        Self {
            head_size: 0,
            headers: 0,
            parts: 0,
            json_depth: 0,
            body_timeout: Duration::ZERO,
            head_timeout: Duration::ZERO,
            write_timeout: Duration::ZERO,
        }
    }
}

pub(super) static ROWS: &[&Row] = &[
    &MAX_HEAD_SIZE,
    &MAX_HEADERS,
    &MAX_PARTS,
    &MAX_JSON_DEPTH,
    &BODY_TIMEOUT,
    &HEAD_TIMEOUT,
    &WRITE_TIMEOUT,
];

const SECONDS: Count = Count {
    least: 1,
    most: 86_400,
};

static MAX_HEAD_SIZE: Row = Row {
    flag: Value("max-head-size"),
    variables: &["STREELING_MAX_HEAD_SIZE"],
    default: Typed("400000"),
    value: &To(
        Count {
            least: 1_024,
            most: 400_000,
        },
        |limits: &mut Limits, bytes| limits.head_size = bytes as usize,
    ),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Bytes of a request's line and headers",
        zh: "请求行与请求头的最大字节数",
    },
    detail: Text {
        en: "Beyond that, 431, and the connection is closed. The target alone has 65534 at most, \
             beyond which it is 414. It holds for the headers of a gRPC request, too, which have \
             65536 bytes at most.",
        zh: "超出时返回 431 并关闭连接。请求目标本身最多 65534 字节，超出时返回 414。\
             gRPC 请求头同样受此限制，且最多 65536 字节。",
    },
};

static MAX_HEADERS: Row = Row {
    flag: Value("max-headers"),
    variables: &["STREELING_MAX_HEADERS"],
    default: Typed("100"),
    value: &To(
        Count {
            least: 1,
            most: 1_000,
        },
        |limits: &mut Limits, number| limits.headers = number as usize,
    ),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Headers of a REST request",
        zh: "REST 请求的最大请求头数量",
    },
    detail: Text {
        en: "Beyond that, 431, and the connection is closed.",
        zh: "超出时返回 431 并关闭连接。",
    },
};

static MAX_PARTS: Row = Row {
    flag: Value("max-parts"),
    variables: &["STREELING_MAX_PARTS"],
    default: Typed("1000"),
    value: &To(
        Count {
            least: 1,
            most: 1_000_000,
        },
        |limits: &mut Limits, number| limits.parts = number as usize,
    ),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Parts of a multipart body, and fields of a form",
        zh: "multipart 请求体的部分数，以及表单的字段数上限",
    },
    detail: Text {
        en: "Beyond that, 413.",
        zh: "超出时返回 413。",
    },
};

static MAX_JSON_DEPTH: Row = Row {
    flag: Value("max-json-depth"),
    variables: &["STREELING_MAX_JSON_DEPTH"],
    default: Typed("512"),
    value: &To(
        Count {
            least: 1,
            most: 512,
        },
        |limits: &mut Limits, levels| limits.json_depth = levels as usize,
    ),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Lists and objects in each other, in the JSON of a REST request",
        zh: "REST 请求 JSON 中列表与对象的最大嵌套层数",
    },
    detail: Text {
        en: "Beyond that, 400. Over gRPC, messages have 100 levels at most.",
        zh: "超出时返回 400。gRPC 消息最多 100 层。",
    },
};

static BODY_TIMEOUT: Row = Row {
    flag: Value("body-timeout"),
    variables: &["STREELING_BODY_TIMEOUT"],
    default: Typed("3600"),
    value: &To(SECONDS, |limits: &mut Limits, seconds| {
        limits.body_timeout = Duration::from_secs(seconds.into());
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Seconds in which the body of a request must have come, both transports",
        zh: "接收整个请求体的时限（秒），REST 与 gRPC 通用",
    },
    detail: Text {
        en: "Past that, 408, over gRPC DEADLINE_EXCEEDED, however often a piece of it comes \
             (--idle-timeout bounds the pauses).",
        zh: "超时返回 408，gRPC 返回 DEADLINE_EXCEEDED，无论其间是否持续收到数据\
             （停顿由 --idle-timeout 限制）。",
    },
};

static HEAD_TIMEOUT: Row = Row {
    flag: Value("head-timeout"),
    variables: &["STREELING_HEAD_TIMEOUT"],
    default: Typed("60"),
    value: &To(SECONDS, |limits: &mut Limits, seconds| {
        limits.head_timeout = Duration::from_secs(seconds.into());
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Seconds in which a REST request's line and headers must have come",
        zh: "接收 REST 请求行与请求头的时限（秒）",
    },
    detail: Text {
        en: "From the first byte. Past that the connection is closed.",
        zh: "从第一个字节开始计时，超时后关闭连接。",
    },
};

static WRITE_TIMEOUT: Row = Row {
    flag: Value("write-timeout"),
    variables: &["STREELING_WRITE_TIMEOUT"],
    default: Typed("60"),
    value: &To(SECONDS, |limits: &mut Limits, seconds| {
        limits.write_timeout = Duration::from_secs(seconds.into());
    }),
    group: Group::Rest,
    status: Status::Active,
    meaning: Text {
        en: "Seconds in which a REST client must take more of its response",
        zh: "REST 客户端必须继续读取响应的时限（秒）",
    },
    detail: Text {
        en: "A client that takes less than 4 KiB in them, though there is more to send, is cut \
             off. However long a slow one takes in all, it gets everything.",
        zh: "在此时间内，若仍有数据待发而客户端读取不足 4 KiB，则断开连接。\
             慢速但持续读取的客户端不受影响。",
    },
};
