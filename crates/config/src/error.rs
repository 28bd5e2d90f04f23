use std::fmt;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `--help` or `-h` was given: print the text to standard output and leave with 0.
    #[error("{0}")]
    Help(String),
    /// `--version` was given: print the text to standard output and leave with 0.
    #[error("{0}")]
    Version(String),
    /// The command line has the wrong form (an unknown flag, no `interface_name`). The text has
    /// several lines: what is wrong, a suggestion where there is one, and the usage.
    #[error("{0}")]
    Usage(String),
    /// A value cannot be used.
    #[error(transparent)]
    Invalid(Box<Invalid>),
    /// Two servers were given one port.
    #[error("{first} and {second} are both {port}: every server needs a port of its own")]
    SamePort {
        /// Flag and variable of the one.
        first: String,
        /// Flag and variable of the other.
        second: String,
        /// The port.
        port: u16,
    },
    /// A setting means nothing without another one.
    #[error("{given} is set and {missing} is not: TLS needs both")]
    Incomplete {
        /// Flag and variable of the setting that is there.
        given: String,
        /// Flag and variable of the one that is not.
        missing: String,
    },
    /// Two settings say the same thing.
    #[error("{first} and {second} are both set: set one of them")]
    Both {
        /// Flag and variable of the one.
        first: String,
        /// Flag and variable of the other.
        second: String,
    },
    /// A setting needs a feature that was not compiled in.
    #[error(
        "{names}, set by {origin}: this build has no {part}, which is the Cargo feature '{feature}'"
    )]
    NotBuilt {
        /// Flag and variable of the setting.
        names: String,
        /// The command line, or a variable.
        origin: String,
        /// What is missing.
        part: &'static str,
        /// The Cargo feature.
        feature: &'static str,
    },
}

impl ConfigError {
    /// The exit code that the process should end with: 0 for help and version, else 2.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Help(_) | Self::Version(_) => 0,
            Self::Usage(_)
            | Self::Invalid(_)
            | Self::SamePort { .. }
            | Self::Incomplete { .. }
            | Self::Both { .. }
            | Self::NotBuilt { .. } => 2,
        }
    }
}

impl From<Invalid> for ConfigError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(Box::new(invalid))
    }
}

/// A value that cannot be used: one line that says where it came from and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Flag and variables of the setting, as the user knows them.
    pub names: String,
    /// Where the value was found: the command line, or a variable.
    pub source: String,
    /// The value, quoted, and shortened if it is long.
    pub seen: String,
    /// What exactly is wrong, where the value has parts.
    pub why: Option<String>,
    /// What would have been accepted.
    pub allowed: String,
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            names,
            source,
            seen,
            why,
            allowed,
        } = self;
        write!(f, "{names}: {seen} from {source} cannot be used")?;
        if let Some(why) = why {
            write!(f, " ({why})")?;
        }
        write!(f, ", allowed is {allowed}")
    }
}

impl std::error::Error for Invalid {}

/// Something that the user should know, and that does not stop the start. One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub(crate) String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value for a message: quoted, without line breaks, at most about 80 characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 80;
    // JSON reads better between single quotes than with a backslash at every quote.
    let quote = if text.contains('"') { '\'' } else { '"' };
    let mut quoted = String::from(quote);
    for c in text.chars().take(LONGEST) {
        if c.is_control() {
            quoted.extend(c.escape_debug());
        } else {
            quoted.push(c);
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        quoted.push('…');
    }
    quoted.push(quote);
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_are_short_and_on_one_line() {
        assert_eq!(quoted("a b"), r#""a b""#);
        assert_eq!(quoted("a\nb\u{1b}"), r#""a\nb\u{1b}""#);
        assert_eq!(quoted(r#"["a"]"#), r#"'["a"]'"#);
        assert_eq!(quoted(&"ü".repeat(81)), format!("\"{}…\"", "ü".repeat(80)));
        assert_eq!(quoted(&"ü".repeat(80)), format!("\"{}\"", "ü".repeat(80)));
    }
}
