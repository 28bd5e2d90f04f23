//! The reference page, written from the table of settings.

use std::fmt::Write as _;

use crate::annotations::PODINFO_ANNOTATIONS;
use crate::names;
use crate::row::{DefaultValue, Group, Row};
use crate::rows::rows;
use crate::tracing::variables::VARIABLES;

/// The whole text of `docs/settings.md`, in Markdown, with a line break at its end.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for group in Group::ALL {
        let _ = write!(
            page,
            "\n## {}\n\n| flag | variable | default | meaning | allowed | a bad value gets |\n\
             |---|---|---|---|---|---|\n",
            group.heading()
        );
        for row in rows().filter(|row| row.group == group) {
            let _ = writeln!(page, "{}", line(row));
        }
        if group == Group::Tracing {
            otel(&mut page);
        }
    }
    let _ = write!(
        page,
        "\n## Other variables\n\n\
         | variable | meaning |\n|---|---|\n\
         | `{}` | the active virtual environment: its `bin/python` is the default of `--python` |\n\
         | `MLSERVER_*` | set by the operator for another server; ignored |\n\
         \n## Annotations\n\n\
         Read from `{PODINFO_ANNOTATIONS}`, lines `key=\"value\"` as Kubernetes writes them. A\n\
         missing file is fine; a line that cannot be read, and a value that cannot be used, is\n\
         skipped with a warning.\n\n\
         | annotation | meaning |\n|---|---|\n\
         | `seldon.io/rest-timeout` | deadline of a REST request in milliseconds, where \
         `--timeout-ms` is not set; 0: none |\n\
         | `seldon.io/grpc-timeout` | the same for gRPC |\n\
         | `seldon.io/grpc-max-message-size` | largest gRPC message in bytes, instead of \
         `--max-body-size` |\n",
        names::VIRTUAL_ENV,
    );
    page
}

fn otel(page: &mut String) {
    page.push_str(
        "\nOpenTelemetry's standard variables that count; the others are ignored. They and the\n\
         variables above are read only while tracing is on, and a bad value gets exit code 2\n\
         then; but an unknown value of `OTEL_SDK_DISABLED`, `OTEL_RESOURCE_ATTRIBUTES` or\n\
         `OTEL_TRACES_SAMPLER`, and one in the lists `OTEL_TRACES_EXPORTER` and\n\
         `OTEL_PROPAGATORS`, is left out with a warning, as a component's own tracer may read\n\
         it. Words may be in upper or lower case.\n\n\
         | variable | default | meaning | allowed |\n|---|---|---|---|\n",
    );
    for variable in VARIABLES {
        let names: Vec<String> = variable
            .names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            names.join(", else "),
            variable.default,
            variable.meaning,
            variable.allowed
        );
    }
}

const HEAD: &str = "# Settings

<!-- Written by `cargo xtask docs` from the table in crates/config. Do not edit. -->

Every setting is given by its flag or by its variable. The command line comes first, then the
environment, then the default; of several variables, the first one that is set counts. An empty
variable counts as unset. The start of a flag is enough where only one flag starts so; of two
equal flags, the last counts.

A value that cannot be used stops the start before any port is bound, with exit code 2 and one line
that names the flag, the variable, the value and what is allowed. So does a flag that does not
exist. `--help` says what this page says, `--version` prints the version; both end with exit code 0.

Booleans: `1`, `true` and `t` are true; `0`, `false`, `f`, `no` and an empty value are false, in
upper or lower case. Flags with a boolean value may be given without one, and are true then.
";

fn line(row: &Row) -> String {
    let code = |text: &str| format!("`{text}`");
    let flag = row
        .flag_name()
        .map_or_else(|| "none".to_owned(), |flag| code(&flag));
    let variables = match row.variables {
        [] => "none".to_owned(),
        variables => variables
            .iter()
            .map(|name| code(name))
            .collect::<Vec<_>>()
            .join(", else "),
    };
    let default = match row.default {
        DefaultValue::Text(text) => code(text),
        DefaultValue::None | DefaultValue::Derived(_) => row.default_text().to_owned(),
    };
    let mut meaning = row.meaning.to_owned();
    if !row.detail.is_empty() {
        let _ = write!(meaning, ". {}", row.detail);
    }
    let cells = [
        flag,
        variables,
        default,
        meaning,
        row.kind.allowed(),
        row.kind.when_bad().to_owned(),
    ];
    format!(
        "| {} |",
        cells.map(|cell| cell.replace('|', "\\|")).join(" | ")
    )
}
