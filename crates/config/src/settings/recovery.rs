//! What is done about requests and workers that go wrong.

use std::time::Duration;

use crate::draft::Part;
use crate::kind::{MemoryLimit, Seconds};
use crate::language::Text;
use crate::row::DefaultValue::Typed;
use crate::row::Flag::Value;
use crate::row::{Group, Row, Status, To};

/// What is done about requests and workers that go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// For how long a request is refused of which two workers have died; zero: never.
    pub quarantine: Duration,
    /// How long a call may take, and a start; zero: without end.
    pub hang_timeout: Duration,
    /// Bytes that a worker may have in memory; `None`: without limit.
    pub worker_memory: Option<u64>,
}

impl Part for Recovery {
    fn blank() -> Self {
        Self {
            quarantine: Duration::ZERO,
            hang_timeout: Duration::ZERO,
            worker_memory: None,
        }
    }
}

pub(super) static ROWS: &[&Row] = &[&QUARANTINE, &HANG_TIMEOUT, &WORKER_MEMORY];

static QUARANTINE: Row = Row {
    flag: Value("quarantine"),
    variables: &["STREELING_QUARANTINE"],
    default: Typed("300"),
    value: &To(Seconds, |recovery: &mut Recovery, time| {
        recovery.quarantine = time;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Seconds for which a request is refused that two workers have died of; 0: never",
        zh: "导致两个工作进程终止的请求会被拒绝多少秒；0：从不拒绝",
    },
    detail: Text {
        en: "A worker counts that died while it had this request alone, unless one has responded \
             to the same since. The request is known again by method, payload, names and tags; \
             past the second death it gets 500, over gRPC UNKNOWN, with the reason \
             REQUEST_QUARANTINED. A reload forgets all of them.",
        zh: "仅当工作进程终止时手上只有这一个请求才计入；之后若同样的请求得到响应则不再计入。\
             请求按方法、数据、名称和标签识别；\
             第二次之后返回 500，gRPC 返回 UNKNOWN，原因为 REQUEST_QUARANTINED。\
             重新加载会清除所有记录。",
    },
};

static HANG_TIMEOUT: Row = Row {
    flag: Value("hang-timeout"),
    variables: &["STREELING_HANG_TIMEOUT"],
    default: Typed("5000"),
    value: &To(Seconds, |recovery: &mut Recovery, time| {
        recovery.hang_timeout = time;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Seconds that a call of the component may take at most; 0: without end",
        zh: "一次组件调用最多可用的秒数；0：不限",
    },
    detail: Text {
        en: "For requests without a deadline, or with a later one; a longer --timeout-ms counts \
             in its place. The request gets 504, over gRPC DEADLINE_EXCEEDED, and its worker is \
             replaced. A start of a worker, load() included, may take as long. 5000 is the bound \
             that seldon-core sets.",
        zh: "适用于没有截止时间或截止时间更晚的请求；--timeout-ms 更长时以它为准。请求得到 504，\
             gRPC 返回 DEADLINE_EXCEEDED，其工作进程会被替换。启动一个工作进程（包括 load()）\
             也以此为限。5000 与 seldon-core 的上限相同。",
    },
};

static WORKER_MEMORY: Row = Row {
    flag: Value("worker-memory"),
    variables: &["STREELING_WORKER_MEMORY"],
    default: Typed("0"),
    value: &To(MemoryLimit, |recovery: &mut Recovery, limit| {
        recovery.worker_memory = limit;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Bytes that a worker may have in memory; 0: without limit",
        zh: "一个工作进程最多可占用的内存字节数；0：不限",
    },
    detail: Text {
        en: "Its resident memory counts, also what it shares with others. A worker above it is \
             replaced in order, its successor first; it is killed when it grows on by a sixteenth \
             without ending a request, or to twice as much: the request that it had alone gets \
             500, over gRPC UNKNOWN, with the reason WORKER_MEMORY. A component that takes more \
             once it is loaded does not start. Linux only.",
        zh: "按常驻内存计算，包括与其他进程共享的部分。超过后按顺序替换，接替的进程先启动；\
             若在没有完成任何请求的情况下再增长十六分之一，或达到两倍，则被终止：独占它的请求\
             得到 500，gRPC 返回 UNKNOWN，原因为 WORKER_MEMORY。加载完成时已超过此值的组件\
             无法启动。仅限 Linux。",
    },
};
