//! What is served, and where.

use crate::key::Key;
use crate::names;
use crate::row::{DefaultValue, Flag, Group as G, Row, Status, row};
use crate::value::Kind;

use DefaultValue::{Derived, Text};
use Flag::{Bare, Positional, Value};

pub(super) static ROWS: &[Row] = &[
    row(
        Key::InterfaceName,
        (Positional, &[], DefaultValue::None, Kind::Interface),
        G::Component,
        Status::Active,
        "What to serve: a Python class",
        "In a name with a dot, the part before the last dot is the module and the last part is \
         the class. In a name without, module and class have the same name.",
    ),
    row(
        Key::ServiceType,
        (
            Value("service-type"),
            &[],
            Text("MODEL"),
            Kind::Word(&[
                "MODEL",
                "ROUTER",
                "TRANSFORMER",
                "COMBINER",
                "OUTLIER_DETECTOR",
            ]),
        ),
        G::Component,
        Status::Active,
        "What the component is in an inference graph",
        "Every route is there whatever the type says.",
    ),
    row(
        Key::Parameters,
        (
            Value("parameters"),
            &[names::PARAMETERS],
            Text("[]"),
            Kind::Parameters,
        ),
        G::Component,
        Status::Active,
        "Keyword arguments that the class is called with, as JSON",
        "Values may be texts (as the operator writes them), numbers or booleans. Of two \
         parameters with one name, the last counts.",
    ),
    row(
        Key::Python,
        (
            Value("python"),
            &[names::PYTHON],
            Derived("the active virtual environment's, else python3 on PATH"),
            Kind::Program,
        ),
        G::Component,
        Status::Active,
        "Interpreter for Python components",
        "A virtual environment is active where VIRTUAL_ENV is set.",
    ),
    row(
        Key::AppDir,
        (
            Value("app-dir"),
            &[names::APP_DIR],
            Derived("the working directory"),
            Kind::Folder,
        ),
        G::Component,
        Status::Active,
        "Folder put first on the component's import path",
        "",
    ),
    row(
        Key::Persistence,
        (
            Bare("persistence", "0"),
            &[],
            DefaultValue::None,
            Kind::Count {
                least: 0,
                most: u32::MAX,
            },
        ),
        G::Component,
        Status::Deprecated,
        "Deprecated: accepted, and does nothing",
        "",
    ),
    row(
        Key::Check,
        (Bare("check", "1"), &[], Text("0"), Kind::Bool),
        G::Component,
        Status::Active,
        "Load the component once, print what would be served, and end",
        "Ends with 0, or with the error and the exit code that a start would end with. No port is \
         opened.",
    ),
    row(
        Key::Host,
        (
            Value("host"),
            &[names::HOST],
            Text("0.0.0.0"),
            Kind::Address,
        ),
        G::Rest,
        Status::Active,
        "Address of all ports",
        "",
    ),
    row(
        Key::HttpPort,
        (
            Value("http-port"),
            &[names::HTTP_PORT],
            Text("9000"),
            Kind::Port,
        ),
        G::Rest,
        Status::Active,
        "REST port",
        "",
    ),
    row(
        Key::Keepalive,
        (
            Value("keepalive"),
            &[names::KEEPALIVE],
            Text("2"),
            Kind::Seconds,
        ),
        G::Rest,
        Status::Active,
        "Seconds that an idle REST connection is kept open",
        "",
    ),
    row(
        Key::MaxBodySize,
        (
            Value("max-body-size"),
            &[names::MAX_BODY_SIZE],
            Text("256 MiB"),
            Kind::Size,
        ),
        G::Rest,
        Status::Active,
        "Largest request and response, both transports",
        "Units may be of either case, with a space before them or none. The annotation \
         seldon.io/grpc-max-message-size (bytes) overrides it for gRPC.",
    ),
    row(
        Key::TimeoutMs,
        (
            Value("timeout-ms"),
            &[names::TIMEOUT_MS],
            Derived("the annotations seldon.io/rest-timeout and seldon.io/grpc-timeout, else none"),
            Kind::Millis,
        ),
        G::Rest,
        Status::Active,
        "Deadline of one request, in milliseconds",
        "0 is no deadline, whatever the annotations say.",
    ),
    row(
        Key::LegacyPort,
        (
            Flag::None,
            &[names::LEGACY_PORT],
            DefaultValue::None,
            Kind::Text,
        ),
        G::Rest,
        Status::Ignored,
        "The operator's legacy port: ignored",
        "",
    ),
];
