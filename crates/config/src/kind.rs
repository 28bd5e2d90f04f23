//! What settings' values may be, and how they are read.

use std::ffi::OsStr;

use crate::language::{Language, Text};

mod memory;
mod numbers;
mod paths;
mod secret;
mod structured;
mod texts;
mod words;

pub(crate) use memory::MemoryLimit;
pub(crate) use numbers::{Count, LinkedPort, Memory, Millis, Port, Seconds, Size, millis, size};
pub(crate) use paths::{File, Folder, Program};
pub use secret::Secret;
pub(crate) use secret::Token;
pub(crate) use structured::{Interface, JsonParameters, Labels, Yaml};
pub(crate) use texts::{Address, AnyText, UrlPath, UrlWord};
pub(crate) use words::{Bool, LenientBool, Word, Words, boolean, words};

/// What a value may be: its type, its bounds, and how it is read and documented.
pub(crate) trait Kind: Sync {
    /// What is made of the text.
    type Value;

    fn parse(&self, text: &str) -> Parsed<Self::Value>;

    /// Reads what was typed. Only paths may be anything but UTF-8.
    fn parse_raw(&self, raw: &OsStr) -> Parsed<Self::Value> {
        match raw.to_str() {
            Some(text) => self.parse(text),
            None => not_utf8(),
        }
    }

    /// What is allowed, for a person.
    fn allowed(&self, language: Language) -> String;

    /// The placeholder of the value in `--help`.
    fn placeholder(&self) -> &'static str;

    /// What a value that is not allowed gets.
    fn when_bad(&self) -> Text {
        EXIT_CODE
    }

    /// Whether a negative number may be meant as the value rather than as a flag.
    fn is_number(&self) -> bool {
        false
    }

    /// Whether a value must not be shown.
    fn is_secret(&self) -> bool {
        false
    }

    #[cfg(test)]
    fn examples(&self) -> Examples;
}

/// A value, or why there is none.
pub(crate) enum Parsed<T> {
    Value(T),
    /// Read as something else than what was given, which the user should know.
    Replaced(T, &'static str),
    /// Not allowed, and what exactly is wrong where that is not plain.
    Bad(Option<String>),
}

impl<T> Parsed<T> {
    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Bad(None), Self::Value)
    }

    fn why(value: Result<T, String>) -> Self {
        match value {
            Ok(value) => Self::Value(value),
            Err(why) => Self::Bad(Some(why)),
        }
    }

    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Parsed<U> {
        match self {
            Self::Value(value) => Parsed::Value(make(value)),
            Self::Replaced(value, meant) => Parsed::Replaced(make(value), meant),
            Self::Bad(why) => Parsed::Bad(why),
        }
    }
}

/// Texts that every setting of a kind is tried with.
#[cfg(test)]
pub(crate) struct Examples {
    /// Two that are not the same value.
    pub(crate) accepted: [String; 2],
    /// Empty ones are tried as flags only, since an empty variable is unset.
    pub(crate) refused: Vec<String>,
}

#[cfg(test)]
impl Examples {
    fn new(accepted: [&str; 2], refused: &[&str]) -> Self {
        Self {
            accepted: accepted.map(ToOwned::to_owned),
            refused: refused.iter().map(|text| (*text).to_owned()).collect(),
        }
    }
}

const EXIT_CODE: Text = Text {
    en: "exit code 2",
    zh: "退出码 2",
};

fn not_utf8<T>() -> Parsed<T> {
    Parsed::Bad(Some("it is not UTF-8".to_owned()))
}
