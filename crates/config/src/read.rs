use std::ffi::{OsStr, OsString};

use crate::args::RawArgs;
use crate::context::Context;
use crate::draft::Draft;
use crate::environment::Environment;
use crate::error::{ConfigError, Invalid, Warning, quoted};
use crate::kind::Parsed;
use crate::language::Language::English;
use crate::row::{DefaultValue, Row, Status};
use crate::sources::{Source, Sources};

/// Writes what was typed, and the defaults that are texts, to where they go.
pub(crate) fn read(
    rows: impl Iterator<Item = &'static Row>,
    args: &RawArgs,
    context: &mut Context<'_>,
    draft: &mut Draft,
) -> Result<Sources, ConfigError> {
    let mut sources = Sources::default();
    for row in rows {
        match find(row, args, context.environment, &mut context.warnings) {
            Some((raw, source)) => {
                write(row, raw, source, context, draft)?;
                sources.insert(row, source);
            }
            None => write_default(row, draft),
        }
    }
    Ok(sources)
}

/// The value that counts, as it was typed: the flag's, else that of the first variable set; of a
/// flag that is preceded, that variable's before the flag's.
fn find<'a>(
    row: &Row,
    args: &'a RawArgs,
    environment: &'a Environment,
    warnings: &mut Vec<Warning>,
) -> Option<(&'a OsStr, Source)> {
    let of_flag = args.get(row).map(OsString::as_os_str);
    let mut set = row
        .variables
        .iter()
        .filter_map(|name| Some((environment.get(name)?, *name)));
    if let Some(raw) = of_flag
        && row
            .preceding_variable()
            .is_none_or(|name| environment.get(name).is_none())
    {
        return Some((raw, Source::CommandLine));
    }
    let (raw, name) = set.next()?;
    let flag = of_flag.zip(row.flag_name());
    let others = set.map(|(other, name)| (other, name.to_owned()));
    for (other, other_name) in flag.into_iter().chain(others).filter(|(o, _)| *o != raw) {
        warnings.push(Warning(format!(
            "{other_name}={} is left out: {name}={} comes first",
            shown(row, other),
            shown(row, raw)
        )));
    }
    Some((raw, Source::Variable(name)))
}

/// A value for a message.
fn shown(row: &Row, raw: &OsStr) -> String {
    if row.value.is_secret() {
        return "a value that is not shown".to_owned();
    }
    quoted(&raw.to_string_lossy())
}

fn write(
    row: &Row,
    raw: &OsStr,
    source: Source,
    context: &mut Context<'_>,
    draft: &mut Draft,
) -> Result<(), ConfigError> {
    let seen = shown(row, raw);
    let allowed = row.value.allowed(English);
    match row.value.write(raw, draft) {
        Parsed::Value(()) => {}
        Parsed::Replaced((), meant) => context.warn(format!(
            "{row}: {seen} from {} is taken as {meant}, allowed is {allowed}",
            source.describe()
        )),
        Parsed::Bad(why) => {
            return Err(ConfigError::from(Invalid {
                names: row.to_string(),
                source: source.describe(),
                seen,
                why,
                allowed,
            }));
        }
    }
    if row.status == Status::Deprecated {
        context.warn(format!(
            "{row}, set by {}, is deprecated and does nothing",
            source.describe()
        ));
    }
    Ok(())
}

fn write_default(row: &Row, draft: &mut Draft) {
    if let DefaultValue::Typed(text) = row.default {
        let written = row.value.write(OsStr::new(text), draft);
        if !matches!(written, Parsed::Value(())) {
            unreachable!("the default of {row} is not allowed");
        }
    }
}

/// Writes the defaults that depend on something else.
pub(crate) fn derive(
    rows: impl Iterator<Item = &'static Row>,
    sources: &Sources,
    context: &mut Context<'_>,
    draft: &mut Draft,
) {
    for row in rows.filter(|row| sources.get(row).is_none()) {
        if let DefaultValue::Derived(_, derive) = row.default {
            derive(draft, context);
        }
    }
}
