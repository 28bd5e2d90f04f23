//! What is served, and how it is run.

use std::path::{Path, PathBuf};

use crate::draft::Part;
use crate::interface::{ComponentName, InterfaceName};
use crate::kind::{Bool, Count, Folder, Interface, JsonParameters, Program, Words, words};
use crate::language::Text;
use crate::parameters::Parameters;
use crate::row::DefaultValue::{self, Derived, Typed};
use crate::row::Flag::{Bare, Positional, Switch, Value};
use crate::row::{Group, Nowhere, Row, Status, To};

/// Root of the active virtual environment; its interpreter is the default one.
pub(crate) const VIRTUAL_ENV: &str = "VIRTUAL_ENV";

/// The component.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// What to serve.
    pub interface: ComponentName,
    /// What it is in an inference graph.
    pub service_type: ServiceType,
    /// What the class is called with.
    pub parameters: Parameters,
    /// Load it once and say what would be served, instead of serving.
    pub check: bool,
}

impl Part for Component {
    fn blank() -> Self {
        Self {
            interface: ComponentName::Python(InterfaceName {
                module: String::new(),
                class: String::new(),
            }),
            service_type: ServiceType::Model,
            parameters: Parameters::default(),
            check: false,
        }
    }
}

words! {
    /// What a component is in an inference graph.
    ServiceType {
        /// It predicts.
        Model = "MODEL",
        /// It chooses a child.
        Router = "ROUTER",
        /// It transforms inputs or outputs.
        Transformer = "TRANSFORMER",
        /// It makes one response of many.
        Combiner = "COMBINER",
        /// It marks outliers.
        OutlierDetector = "OUTLIER_DETECTOR",
    }
}

/// How Python components are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Python {
    /// A path, or a bare name to be looked up on `PATH`.
    pub interpreter: PathBuf,
    /// Folder put last on the import path; `.` is the working directory.
    pub app_dir: PathBuf,
}

impl Part for Python {
    fn blank() -> Self {
        Self {
            interpreter: PathBuf::new(),
            app_dir: PathBuf::new(),
        }
    }
}

pub(super) static ROWS: &[&Row] = &[
    &INTERFACE_NAME,
    &SERVICE_TYPE,
    &PARAMETERS,
    &PYTHON,
    &APP_DIR,
    &PERSISTENCE,
    &CHECK,
];

pub(crate) static INTERFACE_NAME: Row = Row {
    flag: Positional,
    variables: &[],
    default: DefaultValue::None,
    value: &To(Interface, |component: &mut Component, name| {
        component.interface = name;
    }),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "What to serve: a Python class, an ONNX file, or a component that is compiled in",
        zh: "要部署的 Python 类、ONNX 文件，或编译在内的组件",
    },
    detail: Text {
        en: "In a name with a dot, the part before the last dot is the module and the last part \
             is the class. In a name without, module and class have the same name. Compiled in \
             are rust:echo, which returns what it is given, and rust:mean_classifier, which needs \
             no training. onnx: and a path is an ONNX file, served without Python, by builds that \
             have the Cargo feature 'onnx'. In a program of your own that serves a component in \
             Rust it may be left out.",
        zh: "名称中含点号时，最后一个点号之前是模块名，之后是类名；不含点号时，模块与类同名。\
             编译在内的组件：rust:echo 原样返回输入，rust:mean_classifier 无需训练。\
             onnx: 加路径表示 ONNX 文件，不需要 Python，构建时须启用 Cargo 特性 'onnx'。\
             在自行编写、部署 Rust 组件的程序中可以省略。",
    },
};

static SERVICE_TYPE: Row = Row {
    flag: Value("service-type"),
    variables: &[],
    default: Typed("MODEL"),
    value: &To(
        Words::<ServiceType>::ALL,
        |component: &mut Component, kind| component.service_type = kind,
    ),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "What the component is in an inference graph",
        zh: "组件在推理图中的服务类型",
    },
    detail: Text {
        en: "Every route is there whatever the type says.",
        zh: "无论何种类型，所有路由都可用。",
    },
};

static PARAMETERS: Row = Row {
    flag: Value("parameters"),
    variables: &["PREDICTIVE_UNIT_PARAMETERS"],
    default: Typed("[]"),
    value: &To(JsonParameters, |component: &mut Component, list| {
        component.parameters = list;
    }),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "Keyword arguments that the class is called with, as JSON",
        zh: "实例化组件类时传入的关键字参数，JSON 格式",
    },
    detail: Text {
        en: "Values may be texts (as the operator writes them), numbers or booleans. Of two \
             parameters with one name, the last counts.",
        zh: "值可以是字符串（Operator 就是这样写的）、数字或布尔值。参数重名时，以最后一个为准。",
    },
};

static PYTHON: Row = Row {
    flag: Value("python"),
    variables: &["STREELING_PYTHON"],
    default: Derived(
        Text {
            en: "the active virtual environment's, else python3 on PATH",
            zh: "已激活虚拟环境的解释器，否则为 PATH 中的 python3",
        },
        |draft, context| {
            let root = context.environment.get(VIRTUAL_ENV);
            draft.part::<Python>().interpreter = root.map_or_else(
                || PathBuf::from("python3"),
                |root| Path::new(root).join("bin/python"),
            );
        },
    ),
    value: &To(Program, |python: &mut Python, path| {
        python.interpreter = path;
    }),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "Interpreter for Python components",
        zh: "运行 Python 组件的解释器",
    },
    detail: Text {
        en: "A virtual environment is active where VIRTUAL_ENV is set.",
        zh: "设置了 VIRTUAL_ENV 即视为虚拟环境已激活。",
    },
};

static APP_DIR: Row = Row {
    flag: Value("app-dir"),
    variables: &["STREELING_APP_DIR"],
    default: Derived(
        Text {
            en: "the working directory",
            zh: "当前工作目录",
        },
        |draft, _| draft.part::<Python>().app_dir = PathBuf::from("."),
    ),
    value: &To(Folder, |python: &mut Python, path| python.app_dir = path),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "Folder put last on the component's import path",
        zh: "置于组件导入路径末位的目录",
    },
    detail: Text::NONE,
};

static PERSISTENCE: Row = Row {
    flag: Bare("persistence", "0"),
    variables: &[],
    default: DefaultValue::None,
    value: &Nowhere(Count {
        least: 0,
        most: u32::MAX,
    }),
    group: Group::Component,
    status: Status::Deprecated,
    meaning: Text {
        en: "Deprecated: accepted, and does nothing",
        zh: "已弃用：可以传入，但不起作用",
    },
    detail: Text::NONE,
};

static CHECK: Row = Row {
    flag: Switch("check"),
    variables: &[],
    default: Typed("0"),
    value: &To(Bool, |component: &mut Component, on| component.check = on),
    group: Group::Component,
    status: Status::Active,
    meaning: Text {
        en: "Load the component once, print what would be served, and end",
        zh: "加载一次组件，打印将要提供的服务，然后退出",
    },
    detail: Text {
        en: "Ends with 0, or with the error and the exit code that a start would end with. No \
             port is opened.",
        zh: "成功时退出码为 0，否则输出与正常启动失败时相同的错误和退出码。不打开任何端口。",
    },
};
