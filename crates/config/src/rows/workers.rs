//! Worker processes, and the gRPC server.

use crate::key::Key;
use crate::names;
use crate::row::{DefaultValue, Flag, Group as G, Row, Status, row};
use crate::value::Kind;

use DefaultValue::{Derived, Text};
use Flag::{Bare, Value};

pub(super) static ROWS: &[Row] = &[
    row(
        Key::Workers,
        (
            Value("workers"),
            &[names::WORKERS],
            Text("1"),
            Kind::Count {
                least: 1,
                most: 1024,
            },
        ),
        G::Workers,
        Status::Active,
        "Worker processes that serve REST",
        "Each loads a copy of the model.",
    ),
    row(
        Key::Threads,
        (
            Value("threads"),
            &[names::THREADS],
            Text("10"),
            Kind::Count {
                least: 1,
                most: 512,
            },
        ),
        G::Workers,
        Status::Active,
        "Threads in each REST worker",
        "",
    ),
    row(
        Key::SingleThreaded,
        (
            Bare("single-threaded", "1"),
            &[names::SINGLE_THREADED],
            Text("0"),
            Kind::Bool,
        ),
        G::Workers,
        Status::Active,
        "One thread a worker, whatever --threads and --grpc-threads say",
        "For models that deadlock when two threads enter them.",
    ),
    row(
        Key::WorkerPool,
        (
            Value("worker-pool"),
            &[names::WORKER_POOL],
            Text("separate"),
            Kind::Word(&["separate", "shared"]),
        ),
        G::Workers,
        Status::Active,
        "Whether REST and gRPC have workers of their own or share them",
        "separate: --workers processes for REST and --grpc-workers for gRPC. shared: one pool of \
         the larger of the two numbers behind both ports, so that the model is loaded half as \
         often.",
    ),
    row(
        Key::MaxQueue,
        (
            Value("max-queue"),
            &[names::MAX_QUEUE],
            Text("2048"),
            Kind::Count {
                least: 1,
                most: 1_000_000,
            },
        ),
        G::Workers,
        Status::Active,
        "Requests that may wait for a worker",
        "Past that, 503 with Retry-After, over gRPC RESOURCE_EXHAUSTED.",
    ),
    row(
        Key::MaxRequests,
        (
            Value("max-requests"),
            &[names::MAX_REQUESTS],
            Text("0"),
            Kind::Count {
                least: 0,
                most: u32::MAX,
            },
        ),
        G::Workers,
        Status::Active,
        "Requests after which a worker is replaced; 0: never",
        "The successor loads the component first, and no request is lost.",
    ),
    row(
        Key::MaxRequestsJitter,
        (
            Value("max-requests-jitter"),
            &[names::MAX_REQUESTS_JITTER],
            Text("0"),
            Kind::Count {
                least: 0,
                most: u32::MAX,
            },
        ),
        G::Workers,
        Status::Active,
        "Most that is added at random to --max-requests, drawn for each worker",
        "",
    ),
    row(
        Key::GracefulTimeout,
        (
            Value("graceful-timeout"),
            &[names::GRACEFUL_TIMEOUT],
            Text("8"),
            Kind::Seconds,
        ),
        G::Workers,
        Status::Active,
        "Seconds given to requests under way at SIGTERM",
        "8, because the operator's pre-stop hook uses 10 of the pod's 20.",
    ),
    row(
        Key::BindDeadline,
        (
            Value("bind-deadline"),
            &[names::BIND_DEADLINE],
            Text("45"),
            Kind::Seconds,
        ),
        G::Workers,
        Status::Active,
        "Seconds after which the ports open at the latest",
        "They open once every worker has loaded, or then; requests before the load has ended get \
         503. The operator's TCP liveness probe starts at 60.",
    ),
    row(
        Key::Pidfile,
        (Value("pidfile"), &[], DefaultValue::None, Kind::File),
        G::Workers,
        Status::Active,
        "File that holds the server's process id while it serves",
        "It is removed at the end. A file that names a process which no longer runs is replaced; \
         one that names a process which runs stops the start with exit code 2, and so does \
         anything that is no regular file: a folder, a device, a pipe, a symbolic link.",
    ),
    row(
        Key::GrpcPort,
        (
            Value("grpc-port"),
            &[names::GRPC_PORT],
            Text("5000"),
            Kind::Port,
        ),
        G::Grpc,
        Status::Active,
        "gRPC port",
        "",
    ),
    row(
        Key::GrpcWorkers,
        (
            Value("grpc-workers"),
            &[names::GRPC_WORKERS],
            Text("1"),
            Kind::Count {
                least: 0,
                most: 1024,
            },
        ),
        G::Grpc,
        Status::Active,
        "Worker processes that serve gRPC",
        "0 switches the gRPC server off: no port, no process, no copy of the model.",
    ),
    row(
        Key::GrpcThreads,
        (
            Value("grpc-threads"),
            &[names::GRPC_THREADS],
            Derived("the same as --threads"),
            Kind::Count {
                least: 1,
                most: 512,
            },
        ),
        G::Grpc,
        Status::Active,
        "Threads in each gRPC worker",
        "",
    ),
];
