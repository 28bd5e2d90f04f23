use std::ffi::OsStr;
use std::fmt;

use crate::context::Context;
use crate::draft::{Draft, Part};
use crate::kind::{Kind, Parsed};
use crate::language::{Language, Text};

/// One setting, and all there is to know about it: the source of its flag, its reading, where its
/// value goes, its `--help`, and its line on the reference pages.
pub(crate) struct Row {
    pub(crate) flag: Flag,
    /// In the order of their precedence.
    pub(crate) variables: &'static [&'static str],
    pub(crate) default: DefaultValue,
    /// Type, bounds, and where the value goes.
    pub(crate) value: &'static dyn Target,
    pub(crate) group: Group,
    pub(crate) status: Status,
    /// One clause, for `-h` too.
    pub(crate) meaning: Text,
    /// What else there is to know, for `--help` and the reference pages. May be none.
    pub(crate) detail: Text,
}

/// What a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// There is a variable only.
    None,
    /// The one argument without a flag.
    Positional,
    /// A flag that needs a value.
    Value(&'static str),
    /// A flag that needs a value, and that the first of the variables comes before.
    Preceded(&'static str),
    /// A flag that without a value means this one.
    Bare(&'static str, &'static str),
    /// A flag that without a value means 1, and has one only after `=`. seldon-core's flags take
    /// the next word; ours must not take the interface name.
    Switch(&'static str),
}

/// What counts when nothing is set.
#[derive(Clone, Copy)]
pub(crate) enum DefaultValue {
    /// Nothing.
    None,
    /// This text, as if it had been typed.
    Typed(&'static str),
    /// In these words, it depends on something else, and is written by this function once all that
    /// was typed is.
    Derived(Text, fn(&mut Draft, &mut Context<'_>)),
}

/// Whether a setting has an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It has.
    Active,
    /// Documented, but without effect. It gives no warning, because the operator always sets it.
    Ignored,
    /// Accepted with a warning, and without effect.
    Deprecated,
}

/// Headings of `--help` and of the reference pages, in their order there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Component,
    Rest,
    Workers,
    Grpc,
    Security,
    Metrics,
    Logging,
    Tracing,
    Identity,
}

impl Group {
    pub(crate) const ALL: [Self; 9] = [
        Self::Component,
        Self::Rest,
        Self::Workers,
        Self::Grpc,
        Self::Security,
        Self::Metrics,
        Self::Logging,
        Self::Tracing,
        Self::Identity,
    ];

    pub(crate) fn heading(self) -> Text {
        let (en, zh) = match self {
            Self::Component => ("Component", "组件"),
            Self::Rest => ("REST and limits", "REST 与限制"),
            Self::Workers => ("Workers", "工作进程"),
            Self::Grpc => ("gRPC", "gRPC"),
            Self::Security => ("TLS and tokens", "TLS 与 token"),
            Self::Metrics => ("Metrics", "指标"),
            Self::Logging => ("Logging", "日志"),
            Self::Tracing => ("Tracing", "追踪"),
            Self::Identity => ("Identity and metadata", "身份与元数据"),
        };
        Text { en, zh }
    }
}

/// A kind of value, and the part of the settings that such a value is written to.
pub(crate) struct To<K: Kind, P: Part>(pub(crate) K, pub(crate) fn(&mut P, K::Value));

/// A kind of value that is checked, and goes nowhere.
pub(crate) struct Nowhere<K: Kind>(pub(crate) K);

/// [`To`] or [`Nowhere`] with any kind and any part. The methods are those of [`Kind`], but for
/// [`write`](Self::write).
pub(crate) trait Target: Sync {
    /// Reads what was typed and writes it to where it goes.
    fn write(&self, raw: &OsStr, draft: &mut Draft) -> Parsed<()>;
    fn allowed(&self, language: Language) -> String;
    fn placeholder(&self) -> &'static str;
    fn when_bad(&self) -> Text;
    fn is_number(&self) -> bool;
    fn is_secret(&self) -> bool;
    #[cfg(test)]
    fn examples(&self) -> crate::kind::Examples;
}

/// The methods of a [`Target`] that its kind has.
macro_rules! as_its_kind {
    () => {
        fn allowed(&self, language: Language) -> String {
            self.0.allowed(language)
        }

        fn placeholder(&self) -> &'static str {
            self.0.placeholder()
        }

        fn when_bad(&self) -> Text {
            self.0.when_bad()
        }

        fn is_number(&self) -> bool {
            self.0.is_number()
        }

        fn is_secret(&self) -> bool {
            self.0.is_secret()
        }

        #[cfg(test)]
        fn examples(&self) -> crate::kind::Examples {
            self.0.examples()
        }
    };
}

impl<K: Kind, P: Part> Target for To<K, P> {
    fn write(&self, raw: &OsStr, draft: &mut Draft) -> Parsed<()> {
        self.0
            .parse_raw(raw)
            .map(|value| (self.1)(draft.part(), value))
    }

    as_its_kind!();
}

impl<K: Kind> Target for Nowhere<K> {
    fn write(&self, raw: &OsStr, _: &mut Draft) -> Parsed<()> {
        self.0.parse_raw(raw).map(drop)
    }

    as_its_kind!();
}

/// The name of the argument without a flag.
const POSITIONAL: &str = "interface_name";

impl Row {
    /// What no other row has: the flag's name, or the first variable.
    pub(crate) fn id(&self) -> &'static str {
        match (self.flag, self.variables) {
            (
                Flag::Value(name) | Flag::Preceded(name) | Flag::Bare(name, _) | Flag::Switch(name),
                _,
            ) => name,
            (Flag::None, [variable, ..]) => variable,
            (Flag::Positional | Flag::None, _) => POSITIONAL,
        }
    }

    /// The flag as a user types it, or the name of the positional argument.
    pub(crate) fn flag_name(&self) -> Option<String> {
        match self.flag {
            Flag::None => None,
            Flag::Positional => Some(POSITIONAL.to_owned()),
            Flag::Value(name) | Flag::Preceded(name) | Flag::Bare(name, _) | Flag::Switch(name) => {
                Some(format!("--{name}"))
            }
        }
    }

    /// The variable that comes before the flag.
    pub(crate) fn preceding_variable(&self) -> Option<&'static str> {
        match self.flag {
            Flag::Preceded(_) => self.variables.first().copied(),
            _ => None,
        }
    }

    /// The default as a user reads it.
    pub(crate) fn default_text(&self, language: Language) -> &'static str {
        const NONE: Text = Text {
            en: "none",
            zh: "无",
        };
        match self.default {
            DefaultValue::None => NONE.get(language),
            DefaultValue::Typed(text) => text,
            DefaultValue::Derived(text, _) => text.get(language),
        }
    }
}

/// The names that a user knows it by, such as `--workers (GUNICORN_WORKERS)`, for messages about
/// it.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.flag_name(), self.variables) {
            (Some(flag), []) => f.write_str(&flag),
            (Some(flag), variables) => write!(f, "{flag} ({})", variables.join(", ")),
            (None, variables) => f.write_str(&variables.join(", ")),
        }
    }
}
