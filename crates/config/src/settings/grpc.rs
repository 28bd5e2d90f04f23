//! The gRPC server.

use std::time::Duration;

use super::serving::Rest;
use super::workers::{Defaults, Workers};
use crate::draft::Part;
use crate::kind::{Count, Port};
use crate::language::Text;
use crate::row::DefaultValue::{Derived, Typed};
use crate::row::Flag::Value;
use crate::row::{Group, Row, Status, To};

/// The gRPC server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grpc {
    /// 0: the system chooses.
    pub port: u16,
    /// Worker processes; 0: there is no gRPC server.
    pub workers: u32,
    /// Threads in each, at least 1; already 1 where workers are to be single-threaded.
    pub threads: u32,
    /// Neither the number of threads is set nor that of REST, which they follow.
    pub threads_are_default: bool,
    /// Deadline of one request. Never zero.
    pub timeout: Option<Duration>,
    /// Largest message, in bytes, from 1 to 2^31 - 1.
    pub max_message: usize,
    /// Requests under way on one connection, at least 1.
    pub max_streams: u32,
}

impl Part for Grpc {
    fn blank() -> Self {
        Self {
            port: 0,
            workers: 0,
            threads: 0,
            threads_are_default: false,
            timeout: None,
            max_message: 0,
            max_streams: 0,
        }
    }
}

pub(super) static ROWS: &[&Row] = &[&GRPC_PORT, &GRPC_WORKERS, &GRPC_THREADS, &MAX_STREAMS];

pub(crate) static GRPC_PORT: Row = Row {
    flag: Value("grpc-port"),
    variables: &["PREDICTIVE_UNIT_GRPC_SERVICE_PORT", "MLSERVER_GRPC_PORT"],
    default: Typed("5000"),
    value: &To(Port, |grpc: &mut Grpc, port| grpc.port = port),
    group: Group::Grpc,
    status: Status::Active,
    meaning: Text {
        en: "gRPC port",
        zh: "gRPC 服务的端口",
    },
    detail: Text::NONE,
};

pub(crate) static GRPC_WORKERS: Row = Row {
    flag: Value("grpc-workers"),
    variables: &["GRPC_WORKERS"],
    default: Typed("1"),
    value: &To(
        Count {
            least: 0,
            most: 1024,
        },
        |grpc: &mut Grpc, number| grpc.workers = number,
    ),
    group: Group::Grpc,
    status: Status::Active,
    meaning: Text {
        en: "Worker processes that serve gRPC",
        zh: "处理 gRPC 请求的工作进程（worker）数量",
    },
    detail: Text {
        en: "0 switches the gRPC server off: no port, no process, no copy of the model.",
        zh: "0 表示禁用 gRPC 服务器：不开端口，不启动进程，也不再加载一份模型。",
    },
};

static GRPC_THREADS: Row = Row {
    flag: Value("grpc-threads"),
    variables: &["GRPC_THREADS"],
    default: Derived(
        Text {
            en: "the same as --threads; with STREELING_DEFAULTS=1.18.2 1",
            zh: "与 --threads 相同；STREELING_DEFAULTS=1.18.2 时为 1",
        },
        |draft, _| {
            let (threads, are_default) = match draft.part::<Workers>().defaults {
                Defaults::Page => {
                    let rest = draft.part::<Rest>();
                    (rest.threads, rest.threads_are_default)
                }
                Defaults::SeldonCore => (1, true),
            };
            let grpc = draft.part::<Grpc>();
            grpc.threads = threads;
            grpc.threads_are_default = are_default;
        },
    ),
    value: &To(
        Count {
            least: 1,
            most: 512,
        },
        |grpc: &mut Grpc, number| grpc.threads = number,
    ),
    group: Group::Grpc,
    status: Status::Active,
    meaning: Text {
        en: "Threads in each gRPC worker",
        zh: "每个 gRPC 工作进程的线程数",
    },
    detail: Text::NONE,
};

static MAX_STREAMS: Row = Row {
    flag: Value("max-streams"),
    variables: &["STREELING_MAX_STREAMS"],
    default: Typed("1024"),
    value: &To(
        Count {
            least: 1,
            most: 1_000_000,
        },
        |grpc: &mut Grpc, number| grpc.max_streams = number,
    ),
    group: Group::Grpc,
    status: Status::Active,
    meaning: Text {
        en: "Requests (HTTP/2 streams) that one gRPC connection may have under way",
        zh: "单个 gRPC 连接上可同时进行的请求数（HTTP/2 流）",
    },
    detail: Text {
        en: "Clients learn of it, and keep further requests back; those of a client that does \
             not are refused with REFUSED_STREAM.",
        zh: "客户端会得知此上限并暂缓后续请求；不遵守者的请求以 REFUSED_STREAM 拒绝。",
    },
};
