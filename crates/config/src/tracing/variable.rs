//! How OpenTelemetry's standard variables are described and read.
//!
//! They are rows of another form than the other settings: they are looked at only while tracing is
//! on, some of them only where spans go to a certain place, and an error names the one variable
//! that was set.

use std::ffi::OsStr;
use std::time::Duration;

use super::url::without_secrets;
use crate::context::Context;
use crate::environment::Environment;
use crate::error::{ConfigError, Invalid, quoted};
use crate::kind::millis;
use crate::language::Text;

/// What a setting is for, and what it may be.
pub(crate) struct Variable {
    /// In the order of their precedence.
    pub(crate) names: &'static [&'static str],
    pub(crate) default: Text,
    pub(crate) meaning: Text,
    pub(crate) allowed: Text,
    /// How much of its value a message may show.
    pub(super) disclosure: Disclosure,
}

/// How much of a value goes into a message, and so into a log.
#[derive(Clone, Copy)]
pub(super) enum Disclosure {
    Full,
    /// A URL, without user, password and query.
    Url,
    /// Nothing: it is a secret.
    None,
}

/// What a text means, or what is wrong with it where that is not plain.
pub(super) type Read<T> = Result<T, Option<String>>;

pub(super) fn good<T>(value: Option<T>) -> Read<T> {
    value.ok_or(None)
}

/// What spans of time may be.
pub(super) const MILLIS: Text = Text {
    en: "milliseconds, a whole number from 1 to 86400000",
    zh: "毫秒数，1 到 86400000 的整数",
};

/// What pairs may be, in resource attributes and headers.
pub(super) const PAIRS: Text = Text {
    en: "name=value pairs with commas between, values escaped as in a URL",
    zh: "以逗号分隔的 name=value，值按 URL 方式转义",
};

impl Variable {
    /// The first of its names that is set.
    pub(super) fn find<'a>(
        &self,
        environment: &'a Environment,
    ) -> Option<(&'static str, &'a OsStr)> {
        let mut names = self.names.iter().copied();
        names.find_map(|name| Some((name, environment.get(name)?)))
    }

    /// Reads one of which an unknown value stops the start.
    pub(super) fn read<T>(
        &self,
        environment: &Environment,
        parse: impl FnOnce(&'static str, &str) -> Read<T>,
    ) -> Result<Option<T>, ConfigError> {
        self.attempt(environment, parse).map_err(ConfigError::from)
    }

    /// Reads a span of time, as [`read`](Self::read) does.
    pub(super) fn time(&self, environment: &Environment) -> Result<Option<Duration>, ConfigError> {
        self.read(environment, |_, text| {
            good(millis(text).filter(|time| !time.is_zero()))
        })
    }

    /// Reads one that an unknown value only leaves unset, with a warning.
    ///
    /// The component may have a tracer of its own that reads the same variable, and the
    /// specification demands that an unknown value is no error.
    pub(super) fn lenient<T>(
        &self,
        context: &mut Context<'_>,
        parse: impl FnOnce(&'static str, &str) -> Read<T>,
    ) -> Option<T> {
        match self.attempt(context.environment, parse) {
            Ok(value) => value,
            Err(fault) => {
                leave_out(&fault, context);
                None
            }
        }
    }

    /// The words of a list that are known, and the variable that it is in. The others are left out
    /// with a warning, for the same reason as in [`lenient`](Self::lenient).
    pub(super) fn words<T>(
        &self,
        context: &mut Context<'_>,
        known: impl Fn(&str) -> Option<T>,
    ) -> Option<(&'static str, Vec<T>)> {
        let (name, raw) = self.find(context.environment)?;
        let text = raw.to_string_lossy();
        let mut found = Vec::new();
        for word in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            match known(&word.to_ascii_lowercase()) {
                Some(one) => found.push(one),
                None => leave_out(&self.fault(name, OsStr::new(word), None), context),
            }
        }
        Some((name, found))
    }

    fn attempt<T>(
        &self,
        environment: &Environment,
        parse: impl FnOnce(&'static str, &str) -> Read<T>,
    ) -> Result<Option<T>, Invalid> {
        let Some((name, raw)) = self.find(environment) else {
            return Ok(None);
        };
        let parsed = match raw.to_str() {
            Some(text) => parse(name, text.trim()),
            None => Err(Some("it is not UTF-8".to_owned())),
        };
        parsed.map(Some).map_err(|why| self.fault(name, raw, why))
    }

    /// Says no more of a value than a message may.
    pub(super) fn fault(&self, name: &'static str, raw: &OsStr, why: Option<String>) -> Invalid {
        let text = raw.to_string_lossy();
        Invalid {
            names: name.to_owned(),
            source: format!("the variable {name}"),
            seen: match self.disclosure {
                Disclosure::Full => quoted(&text),
                Disclosure::Url => quoted(&without_secrets(&text)),
                Disclosure::None => "the value (not shown)".to_owned(),
            },
            why,
            allowed: self.allowed.en.to_owned(),
        }
    }
}

fn leave_out(fault: &Invalid, context: &mut Context<'_>) {
    let Invalid {
        names,
        seen,
        allowed,
        why,
        ..
    } = fault;
    let why = why
        .as_ref()
        .map_or(String::new(), |why| format!(" ({why})"));
    context.warn(format!(
        "{names}: {seen} is left out{why}, allowed is {allowed}"
    ));
}
