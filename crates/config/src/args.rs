use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command, value_parser};

use crate::error::ConfigError;
use crate::language::Language::English;
use crate::language::Text;
use crate::row::{DefaultValue, Flag, Group, Row};
use crate::settings::component::{INTERFACE_NAME, VIRTUAL_ENV};
use crate::settings::rows;
use crate::tracing::PREFIX;

const ABOUT: &str = "Serves a machine-learning component over REST and gRPC. Every setting may be \
    given by its flag or by an environment variable; the flag wins, and an empty variable counts \
    as unset.";

/// What was typed, and nothing more, by [`Row::id`].
#[derive(Debug)]
pub(crate) struct RawArgs(BTreeMap<&'static str, OsString>);

impl RawArgs {
    /// Reads a command line whose first item is the program's name. `names_component` where it has
    /// to say what to serve.
    pub(crate) fn parse(
        args: impl IntoIterator<Item = OsString>,
        names_component: bool,
    ) -> Result<Self, ConfigError> {
        let mut matches = command()
            .mut_arg(INTERFACE_NAME.id(), |arg| arg.required(names_component))
            .try_get_matches_from(args)
            .map_err(|error| from_clap(&error))?;
        let given = rows()
            .filter(|row| row.flag != Flag::None)
            .filter_map(|row| Some((row.id(), matches.remove_one(row.id())?)))
            .collect();
        Ok(Self(given))
    }

    pub(crate) fn get(&self, row: &Row) -> Option<&OsString> {
        self.0.get(row.id())
    }
}

fn from_clap(error: &clap::Error) -> ConfigError {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::DisplayHelp => ConfigError::Help(text),
        ErrorKind::DisplayVersion => ConfigError::Version(text),
        _ => {
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            ConfigError::Usage(text.trim_end().to_owned())
        }
    }
}

fn command() -> Command {
    Command::new("streeling")
        .version(env!("CARGO_PKG_VERSION"))
        .about(ABOUT)
        // seldon-core takes unambiguous starts of flags, and the last of two equal ones.
        .infer_long_args(true)
        .args_override_self(true)
        .args(Group::ALL.into_iter().flat_map(args_of))
        .after_help("Some settings have a variable only: see --help.")
        .after_long_help(variables_only())
}

fn args_of(group: Group) -> impl Iterator<Item = Arg> {
    rows().filter(move |row| row.group == group).filter_map(arg)
}

fn arg(row: &'static Row) -> Option<Arg> {
    let arg = Arg::new(row.id())
        .action(ArgAction::Set)
        .value_parser(value_parser!(OsString))
        .allow_negative_numbers(row.value.is_number())
        .help(short_help(row))
        .long_help(long_help(row));
    let flag = |arg: Arg, name: &'static str| {
        arg.long(name)
            .value_name(row.value.placeholder())
            .help_heading(row.group.heading().get(English))
    };
    let bare = |arg: Arg, name, meant: &'static str| {
        flag(arg, name).num_args(0..=1).default_missing_value(meant)
    };
    match row.flag {
        Flag::None => None,
        Flag::Positional => Some(arg),
        Flag::Value(name) | Flag::Preceded(name) => Some(flag(arg, name)),
        Flag::Bare(name, meant) => Some(bare(arg, name, meant)),
        Flag::Switch(name) => Some(bare(arg, name, "1").require_equals(true)),
    }
}

fn short_help(row: &Row) -> String {
    let mut text = row.meaning.en.to_owned();
    if let DefaultValue::Typed(default) = row.default {
        let _ = write!(text, " [default: {default}]");
    }
    if !row.variables.is_empty() {
        let _ = write!(text, " [{}]", row.variables.join(", "));
    }
    text
}

fn long_help(row: &Row) -> String {
    let mut text = format!("{}.", row.meaning.en);
    if row.detail != Text::NONE {
        let _ = write!(text, " {}", row.detail.en);
    }
    let _ = write!(text, "\nAllowed: {}", row.value.allowed(English));
    if !row.variables.is_empty() {
        let _ = write!(text, "\nVariable: {}", row.variables.join(", else "));
    }
    if row.flag != Flag::Positional {
        let _ = write!(text, "\nDefault: {}", row.default_text(English));
    }
    text
}

fn variables_only() -> String {
    let mut text = "Variables without a flag:\n".to_owned();
    for row in rows().filter(|row| row.flag == Flag::None) {
        let _ = writeln!(text, "  {}", row.variables.join(", "));
        for line in long_help(row)
            .lines()
            .filter(|line| !line.starts_with("Variable: "))
        {
            let _ = writeln!(text, "          {line}");
        }
    }
    let _ = write!(
        text,
        "  {PREFIX}*\n          OpenTelemetry's standard variables.\n  {VIRTUAL_ENV}\n          \
         Set by an active virtual environment: its interpreter is the default of --python."
    );
    text
}
