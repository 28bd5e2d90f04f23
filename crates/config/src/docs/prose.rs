//! What the reference pages say beside the rows.

use crate::annotations::{GRPC_MAX_MESSAGE_SIZE, GRPC_TIMEOUT, NO_ENGINE, REST_TIMEOUT};
use crate::language::Text;

pub(super) const HEAD: Text = Text {
    en: "# Settings

<!-- Written by `cargo xtask docs` from the rows in crates/config/src/settings. Do not edit. -->

[中文](settings.zh.md)

Every setting is given by its flag or by its variable. The command line comes first, then the
environment, then the default; of several variables, the first one that is set counts. Only
`SELDON_LOG_LEVEL` comes before its flag. An empty variable counts as unset. The start of a flag is
enough where only one flag starts so; of two equal flags, the last counts.

A value that cannot be used stops the start before any port is bound, with exit code 2 and one line
that names the flag, the variable, the value and what is allowed. So does a flag that does not
exist. `--help` says what this page says, `--version` prints the version; both end with exit code 0.

Booleans: `1`, `true` and `t` are true; `0`, `false`, `f`, `no` and an empty value are false, in
upper or lower case. Flags with a boolean value may be given without one, and are true then.
",
    zh: "# 配置

<!-- 由 `cargo xtask docs` 根据 crates/config/src/settings 生成，请勿手工修改。 -->

[English](settings.md)

每一项配置都可以通过 CLI 标识或环境变量给出。优先级从高到低依次为命令行、环境变量、默认值；
同一项有多个环境变量时，按表中的顺序，以第一个已设置的为准。只有 `SELDON_LOG_LEVEL` 优先于它的标识。
值为空的环境变量视为未设置。
标识可以缩写，只要其他标识不以同样的字符开头；同一标识出现多次时，以最后一次为准。

值无效时，服务器在绑定任何端口之前就停止启动，退出码为 2，
并输出一行信息，指明标识、环境变量、给出的值和允许的值。使用不存在的标识时同样如此。
`--help` 的内容与本页一致（英文），`--version` 打印版本号，两者的退出码均为 0。

布尔值：`1`、`true`、`t` 为真；`0`、`false`、`f`、`no` 和空值为假，不区分大小写。
取布尔值的标识可以不带值，此时为真。
",
};

pub(super) const FLAG: Text = Text {
    en: "flag",
    zh: "CLI 标识",
};

pub(super) const VARIABLE: Text = Text {
    en: "variable",
    zh: "环境变量",
};

pub(super) const DEFAULT: Text = Text {
    en: "default",
    zh: "默认",
};

pub(super) const MEANING: Text = Text {
    en: "meaning",
    zh: "含义",
};

pub(super) const ALLOWED: Text = Text {
    en: "allowed",
    zh: "允许的值",
};

pub(super) const WHEN_BAD: Text = Text {
    en: "a bad value gets",
    zh: "值无效时",
};

pub(super) const ANNOTATION: Text = Text {
    en: "annotation",
    zh: "注解",
};

pub(super) const NONE: Text = Text {
    en: "none",
    zh: "无",
};

/// Between the variables of one setting.
pub(super) const ELSE: Text = Text {
    en: ", else ",
    zh: "，其次 ",
};

/// Between a row's meaning and its detail.
pub(super) const FULL_STOP: Text = Text {
    en: ". ", zh: "。"
};

pub(super) const OTEL: Text = Text {
    en: "OpenTelemetry's standard variables that count; the others are ignored. They and the
variables above are read only while tracing is on, and a bad value gets exit code 2
then; but an unknown value of `OTEL_SDK_DISABLED`, `OTEL_RESOURCE_ATTRIBUTES` or
`OTEL_TRACES_SAMPLER`, and one in the lists `OTEL_TRACES_EXPORTER` and
`OTEL_PROPAGATORS`, is left out with a warning, as a component's own tracer may read
it. Words may be in upper or lower case.
",
    zh: "以下 OpenTelemetry 标准环境变量有效，其余的忽略。它们和上表中的变量只在开启追踪时读取，
此时若值无效，退出码为 2。例外：`OTEL_SDK_DISABLED`、`OTEL_RESOURCE_ATTRIBUTES`、
`OTEL_TRACES_SAMPLER` 的未知值，以及列表 `OTEL_TRACES_EXPORTER`、`OTEL_PROPAGATORS` 中的未知项，
只会被忽略，并输出警告，因为组件自己的 tracer 可能会读取它们。取值不区分大小写。
",
};

pub(super) const OTHER_VARIABLES: Text = Text {
    en: "Other variables",
    zh: "其他环境变量",
};

pub(super) const ACTIVE_ENVIRONMENT: Text = Text {
    en: "the active virtual environment: its `bin/python` is the default of `--python`",
    zh: "已激活的虚拟环境：其中的 `bin/python` 是 `--python` 的默认值",
};

pub(super) const ANOTHER_SERVER: Text = Text {
    en: "those that are not named above are for another server; ignored",
    zh: "上文未列出的变量是给另一种服务器用的；忽略",
};

pub(super) const ANNOTATIONS: Text = Text {
    en: "Annotations",
    zh: "注解",
};

/// With `{path}` for the file.
pub(super) const ABOUT_ANNOTATIONS: Text = Text {
    en: "Read from `{path}`, lines `key=\"value\"` as Kubernetes writes them. A
missing file is fine; a line that cannot be read, and a value that cannot be used, is
skipped with a warning.
",
    zh: "从 `{path}` 读取，每行的格式为 Kubernetes 写入的 `key=\"value\"`。文件可以不存在；
无法读取的行和无效的值会被跳过，并输出警告。
",
};

pub(super) const EVERY_ANNOTATION: [(&str, Text); 4] = [
    (
        REST_TIMEOUT,
        Text {
            en: "deadline of a REST request in milliseconds, where `--timeout-ms` is not set; 0: \
                 none",
            zh: "REST 请求的处理时限，以毫秒计，在未设置 `--timeout-ms` 时生效；0：不限",
        },
    ),
    (
        GRPC_TIMEOUT,
        Text {
            en: "the same for gRPC",
            zh: "同上，用于 gRPC",
        },
    ),
    (
        GRPC_MAX_MESSAGE_SIZE,
        Text {
            en: "largest gRPC message in bytes, instead of `--max-body-size`",
            zh: "gRPC 消息的最大字节数，代替 `--max-body-size`",
        },
    ),
    (
        NO_ENGINE,
        Text {
            en: "`true`: clients reach the component without the orchestrator, and \
                 `SELDON_CERT_MOUNT_PATH` counts",
            zh: "`true`：客户端不经编排器直接访问组件，此时 `SELDON_CERT_MOUNT_PATH` 生效",
        },
    ),
];
