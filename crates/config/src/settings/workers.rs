//! Worker processes.

use std::path::PathBuf;
use std::time::Duration;

use super::serving::Rest;
use crate::draft::Part;
use crate::kind::{Bool, Count, File, Seconds, Size, Words, words};
use crate::language::Text;
use crate::row::DefaultValue::{self, Derived, Typed};
use crate::row::Flag::{self, Bare, Value};
use crate::row::{Group, Row, Status, To};

/// What holds for the workers of both transports, and for the process that supervises them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workers {
    /// Whether the transports share them.
    pub pool: WorkerPool,
    /// How they come by the component.
    pub start: WorkerStart,
    /// Where the component's `load()` is called.
    pub load_in: LoadIn,
    /// Whose defaults count where the two differ.
    pub defaults: Defaults,
    /// One thread each. The thread counts of the transports follow it already.
    pub single_threaded: bool,
    /// Requests after which one is replaced; 0: never.
    pub max_requests: u32,
    /// Most that is added to it at random.
    pub max_requests_jitter: u32,
    /// Requests that may wait, at least 1.
    pub max_queue: u32,
    /// Bytes of memory that a request may take as Python's objects.
    pub max_decoded: usize,
    /// Time given to requests under way at SIGTERM.
    pub graceful_timeout: Duration,
    /// Time after which ports open although workers still load.
    pub bind_deadline: Duration,
    /// File that holds the server process's id while it serves.
    pub pidfile: Option<PathBuf>,
}

impl Part for Workers {
    fn blank() -> Self {
        Self {
            pool: WorkerPool::Separate,
            start: WorkerStart::Auto,
            load_in: LoadIn::Worker,
            defaults: Defaults::Page,
            single_threaded: false,
            max_requests: 0,
            max_requests_jitter: 0,
            max_queue: 0,
            max_decoded: 0,
            graceful_timeout: Duration::ZERO,
            bind_deadline: Duration::ZERO,
            pidfile: None,
        }
    }
}

words! {
    /// Whether the transports share the workers.
    WorkerPool {
        /// REST and gRPC have workers of their own.
        Separate = "separate",
        /// Both are served by the same ones.
        Shared = "shared",
    }
}

words! {
    /// How workers come by the component.
    WorkerStart {
        /// Forked where that is safe, else each by itself.
        Auto = "auto",
        /// Forked from one process that has constructed it.
        Fork = "fork",
        /// Each constructs it by itself.
        Spawn = "spawn",
    }
}

words! {
    /// Where the component's `load()` is called.
    LoadIn {
        /// In every worker.
        Worker = "worker",
        /// Once, before workers are forked.
        Template = "template",
    }
}

words! {
    /// Whose defaults count where the two differ.
    Defaults {
        /// Those of Seldon Core's page about its Python server.
        Page = "page",
        /// Those of the package seldon-core 1.18.2.
        SeldonCore = "1.18.2",
    }
}

/// The name of the command that seldon-core's images start; by it this program has the defaults of
/// seldon-core.
const SELDON_COMMAND: &str = "seldon-core-microservice";

pub(super) static ROWS: &[&Row] = &[
    &DEFAULTS,
    &WORKERS,
    &THREADS,
    &SINGLE_THREADED,
    &WORKER_POOL,
    &WORKER_START,
    &LOAD_IN,
    &MAX_QUEUE,
    &MAX_DECODED_SIZE,
    &MAX_REQUESTS,
    &MAX_REQUESTS_JITTER,
    &GRACEFUL_TIMEOUT,
    &BIND_DEADLINE,
    &PIDFILE,
];

/// It stands before the rows whose defaults depend on it.
static DEFAULTS: Row = Row {
    flag: Flag::None,
    variables: &["STREELING_DEFAULTS"],
    default: Derived(
        Text {
            en: "page; 1.18.2 where the program is called seldon-core-microservice",
            zh: "page；程序以 seldon-core-microservice 之名启动时为 1.18.2",
        },
        |draft, context| {
            draft.part::<Workers>().defaults = match context.program {
                SELDON_COMMAND => Defaults::SeldonCore,
                _ => Defaults::Page,
            };
        },
    ),
    value: &To(Words::<Defaults>::ALL, |workers: &mut Workers, defaults| {
        workers.defaults = defaults;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Whose defaults count for --threads and --grpc-threads",
        zh: "--threads 与 --grpc-threads 采用哪一套默认值",
    },
    detail: Text {
        en: "page: 10 and the same as --threads, as Seldon Core's documentation says. 1.18.2: 1 \
             and 1, as the package seldon-core 1.18.2 has it.",
        zh: "page：Seldon Core 文档所写的 10，gRPC 与 --threads 相同。\
             1.18.2：seldon-core 1.18.2 的 1 和 1。",
    },
};

pub(crate) static WORKERS: Row = Row {
    flag: Value("workers"),
    variables: &["GUNICORN_WORKERS"],
    default: Typed("1"),
    value: &To(
        Count {
            least: 0,
            most: 1024,
        },
        |rest: &mut Rest, number| rest.workers = number,
    ),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Worker processes that serve REST",
        zh: "处理 REST 请求的工作进程（worker）数量",
    },
    detail: Text {
        en: "Each calls the component's load(). 0 switches REST off: its port stays open and \
             responds to the health routes, and with 503 to everything else.",
        zh: "每个工作进程各调用一次组件的 load()。0 表示关闭 REST：端口保持打开，只响应健康检查，\
             其余请求返回 503。",
    },
};

static THREADS: Row = Row {
    flag: Value("threads"),
    variables: &["GUNICORN_THREADS"],
    default: Derived(
        Text {
            en: "10; with STREELING_DEFAULTS=1.18.2 1",
            zh: "10；STREELING_DEFAULTS=1.18.2 时为 1",
        },
        |draft, _| {
            let threads = match draft.part::<Workers>().defaults {
                Defaults::Page => 10,
                Defaults::SeldonCore => 1,
            };
            let rest = draft.part::<Rest>();
            rest.threads = threads;
            rest.threads_are_default = true;
        },
    ),
    value: &To(
        Count {
            least: 1,
            most: 512,
        },
        |rest: &mut Rest, number| rest.threads = number,
    ),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Threads in each REST worker",
        zh: "每个 REST 工作进程的线程数",
    },
    detail: Text {
        en: "Where neither this nor --grpc-threads is set, a class that defines tags or metrics \
             has one call at a time in a worker, unless it says thread_safe = True.",
        zh: "本项与 --grpc-threads 均未设置时，定义了 tags 或 metrics 的类在每个工作进程中\
             一次只处理一个调用，除非类中写明 thread_safe = True。",
    },
};

static SINGLE_THREADED: Row = Row {
    flag: Bare("single-threaded", "1"),
    variables: &["FLASK_SINGLE_THREADED"],
    default: Typed("0"),
    value: &To(Bool, |workers: &mut Workers, on| {
        workers.single_threaded = on;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "One thread a worker, whatever --threads and --grpc-threads say",
        zh: "每个工作进程只用一个线程，不论 --threads 和 --grpc-threads 取何值",
    },
    detail: Text {
        en: "For models that deadlock when two threads enter them.",
        zh: "适用于多个线程同时访问会死锁的模型。",
    },
};

static WORKER_POOL: Row = Row {
    flag: Value("worker-pool"),
    variables: &["STREELING_WORKER_POOL"],
    default: Typed("separate"),
    value: &To(Words::<WorkerPool>::ALL, |workers: &mut Workers, pool| {
        workers.pool = pool;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Whether REST and gRPC have workers of their own or share them",
        zh: "REST 与 gRPC 各用自己的工作进程，还是共用",
    },
    detail: Text {
        en: "separate: --workers processes for REST and --grpc-workers for gRPC. shared: one pool \
             of the larger of the two numbers behind both ports, so that the model is loaded half \
             as often.",
        zh: "separate：REST 使用 --workers 个进程，gRPC 使用 --grpc-workers 个进程。\
             shared：两个端口共用一个进程池，大小取两者中较大的值，模型加载的份数因此减半。",
    },
};

static WORKER_START: Row = Row {
    flag: Value("worker-start"),
    variables: &["STREELING_WORKER_START"],
    default: Typed("auto"),
    value: &To(Words::<WorkerStart>::ALL, |workers: &mut Workers, start| {
        workers.start = start;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Whether workers are forked from one process that has constructed the component",
        zh: "工作进程是否从一个已构造好组件的进程 fork 而来",
    },
    detail: Text {
        en: "fork: the component is imported and constructed once, in a process that serves \
             nothing, the template; a worker is a fork of it, so that a model made in __init__ is \
             in memory once, and a worker is there in milliseconds. spawn: each worker is an \
             interpreter of its own, one constructor after the other. auto: fork, and spawn where \
             the component has started native threads (OpenMP, TensorFlow, gRPC) or opened a \
             CUDA device, which do not live in a fork; the log says so. Linux only; elsewhere \
             spawn.",
        zh: "fork：组件只在一个不处理请求的进程（模板）中导入并构造一次，各工作进程由它 fork \
             而来：在 __init__ 中创建的模型在内存里只有一份，启动一个工作进程只需几毫秒。\
             spawn：每个工作进程是独立的解释器，依次构造组件。auto：使用 fork；若组件启动了\
             原生线程（OpenMP、TensorFlow、gRPC）或打开了 CUDA 设备（它们在 fork 后不可用），\
             则使用 spawn，日志会说明原因。仅限 Linux；其他系统使用 spawn。",
    },
};

static LOAD_IN: Row = Row {
    flag: Value("load-in"),
    variables: &["STREELING_LOAD_IN"],
    default: Typed("worker"),
    value: &To(Words::<LoadIn>::ALL, |workers: &mut Workers, place| {
        workers.load_in = place;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Where the component's load() is called",
        zh: "在哪里调用组件的 load()",
    },
    detail: Text {
        en: "worker: in every worker, as on seldon-core. template: once, before workers are \
             forked, so that a model that load() makes is in memory once, too; for components \
             whose load() starts no threads and opens no connections.",
        zh: "worker：与 seldon-core 一样，在每个工作进程中调用。template：在 fork 之前只调用\
             一次，load() 创建的模型在内存中也只有一份；适用于 load() 不启动线程、\
             不打开连接的组件。",
    },
};

static MAX_QUEUE: Row = Row {
    flag: Value("max-queue"),
    variables: &["STREELING_MAX_QUEUE"],
    default: Typed("2048"),
    value: &To(
        Count {
            least: 1,
            most: 1_000_000,
        },
        |workers: &mut Workers, number| workers.max_queue = number,
    ),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Requests that may wait for a worker",
        zh: "允许排队等待工作进程的请求数",
    },
    detail: Text {
        en: "Past that, 503 with Retry-After, over gRPC RESOURCE_EXHAUSTED.",
        zh: "超出后返回带 Retry-After 的 503，gRPC 返回 RESOURCE_EXHAUSTED。",
    },
};

static MAX_DECODED_SIZE: Row = Row {
    flag: Value("max-decoded-size"),
    variables: &["STREELING_MAX_DECODED_SIZE"],
    default: Typed("1 GiB"),
    value: &To(Size, |workers: &mut Workers, bytes| {
        workers.max_decoded = bytes;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Most memory that JSON and arrays of text of one request may take in a worker",
        zh: "一个请求的 JSON 与文本数组在工作进程中可占用的最大内存",
    },
    detail: Text {
        en: "In an array of text every element takes as much as the longest, four bytes a \
             character; an empty JSON object takes 64. What would take more gets 400, \
             INVALID_ARGUMENT over gRPC, before the memory is taken.",
        zh: "文本数组的每个元素都按最长者占用内存，每个字符四字节；空的 JSON 对象占 64 字节。\
             超出者在占用内存之前即以 400（gRPC 为 INVALID_ARGUMENT）拒绝。",
    },
};

static MAX_REQUESTS: Row = Row {
    flag: Value("max-requests"),
    variables: &["GUNICORN_MAX_REQUESTS"],
    default: Typed("0"),
    value: &To(
        Count {
            least: 0,
            most: u32::MAX,
        },
        |workers: &mut Workers, number| workers.max_requests = number,
    ),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Requests after which a worker is replaced; 0: never",
        zh: "工作进程处理多少个请求后被替换；0：从不替换",
    },
    detail: Text {
        en: "The successor loads the component first, and no request is lost.",
        zh: "接替的进程先加载好组件，不会丢失任何请求。",
    },
};

static MAX_REQUESTS_JITTER: Row = Row {
    flag: Value("max-requests-jitter"),
    variables: &["GUNICORN_MAX_REQUESTS_JITTER"],
    default: Typed("0"),
    value: &To(
        Count {
            least: 0,
            most: u32::MAX,
        },
        |workers: &mut Workers, number| workers.max_requests_jitter = number,
    ),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Most that is added at random to --max-requests, drawn for each worker",
        zh: "在 --max-requests 上随机增加的最大值，每个工作进程各取一次",
    },
    detail: Text::NONE,
};

static GRACEFUL_TIMEOUT: Row = Row {
    flag: Value("graceful-timeout"),
    variables: &["STREELING_GRACEFUL_TIMEOUT"],
    default: Typed("8"),
    value: &To(Seconds, |workers: &mut Workers, time| {
        workers.graceful_timeout = time;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Seconds given to requests under way at SIGTERM",
        zh: "收到 SIGTERM 后留给进行中的请求的秒数",
    },
    detail: Text {
        en: "8, because the operator's pre-stop hook uses 10 of the pod's 20.",
        zh: "取 8 是因为 pod 的 20 秒中，Operator 的 preStop 钩子要用去 10 秒。",
    },
};

static BIND_DEADLINE: Row = Row {
    flag: Value("bind-deadline"),
    variables: &["STREELING_BIND_DEADLINE"],
    default: Typed("45"),
    value: &To(Seconds, |workers: &mut Workers, time| {
        workers.bind_deadline = time;
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "Seconds after which the ports open at the latest",
        zh: "端口最迟在启动多少秒后打开",
    },
    detail: Text {
        en: "They open once every worker has loaded, or then; requests before the load has ended \
             get 503. The operator's TCP liveness probe starts at 60.",
        zh: "所有工作进程加载完成即打开端口，最迟到此时为止；加载完成前的请求得到 503。Operator 的 \
             TCP 存活探针从第 60 秒开始。",
    },
};

static PIDFILE: Row = Row {
    flag: Value("pidfile"),
    variables: &[],
    default: DefaultValue::None,
    value: &To(File, |workers: &mut Workers, path| {
        workers.pidfile = Some(path);
    }),
    group: Group::Workers,
    status: Status::Active,
    meaning: Text {
        en: "File that holds the server's process id while it serves",
        zh: "服务运行期间保存服务器进程号的 PID 文件",
    },
    detail: Text {
        en: "It is removed at the end. A file that names a process which no longer runs is \
             replaced; one that names a process which runs stops the start with exit code 2, and \
             so does anything that is no regular file: a folder, a device, a pipe, a symbolic \
             link.",
        zh: "结束时删除。文件中的进程已不存在时，文件会被替换；进程仍在运行时，启动失败，退出码 2。\
             路径不是普通文件（目录、设备、管道、符号链接）时同样如此。",
    },
};
