mod chosen;
mod help;
mod model;
mod otel;
mod refused;
mod rows;
mod security;
mod traced;
mod values;
mod warned;

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::language::Language;
use crate::row::{Flag, Group, Row};
use crate::settings::rows;
use crate::{
    Annotations, ComponentName, ConfigError, Defaults, Environment, Features, Identity,
    InterfaceName, Loaded, LogFormat, LogLevel, ServiceType, Settings, WorkerPool, docs, examples,
};

type Variables<'a> = &'a [(&'a str, &'a str)];

fn load(args: &[&str], variables: Variables<'_>, notes: &str) -> Result<Loaded, ConfigError> {
    load_as("/usr/bin/streeling", args, variables, notes)
}

/// The program is started by this path.
fn load_as(
    program: &str,
    args: &[&str],
    variables: Variables<'_>,
    notes: &str,
) -> Result<Loaded, ConfigError> {
    let args = [program]
        .into_iter()
        .chain(args.iter().copied())
        .map(OsString::from);
    let environment = Environment::from_iter(variables.iter().copied());
    Settings::load(
        Features::ALL,
        args,
        &environment,
        &Annotations::parse(notes),
    )
}

fn iris(args: &[&str], variables: Variables<'_>) -> Loaded {
    let args: Vec<&str> = ["Iris"].iter().chain(args).copied().collect();
    load(&args, variables, "").unwrap()
}

fn quiet(args: &[&str], variables: Variables<'_>) -> Settings {
    let loaded = iris(args, variables);
    assert_eq!(loaded.warnings, [], "{args:?} {variables:?}");
    loaded.settings
}

fn warnings(args: &[&str], variables: Variables<'_>) -> Vec<String> {
    iris(args, variables)
        .warnings
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn failure(args: &[&str], variables: Variables<'_>) -> String {
    let args: Vec<&str> = ["Iris"].iter().chain(args).copied().collect();
    let error = load(&args, variables, "").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

fn help(flag: &str) -> String {
    match load(&[flag], &[], "").unwrap_err() {
        ConfigError::Help(text) => text,
        other => panic!("{other:?}"),
    }
}

fn as_flag(row: &Row, value: &str) -> Option<Vec<String>> {
    match row.flag {
        Flag::None => None,
        Flag::Positional => Some(vec![value.to_owned()]),
        Flag::Value(name) | Flag::Preceded(name) | Flag::Bare(name, _) | Flag::Switch(name) => {
            Some(vec!["Iris".to_owned(), format!("--{name}={value}")])
        }
    }
}
