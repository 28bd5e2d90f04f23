use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::interface::InterfaceName;
use crate::parameters::Parameters;

/// Largest body: a gRPC message's length is a signed 32-bit number at the orchestrator.
pub(crate) const LARGEST_BODY: usize = i32::MAX as usize;

/// Longest span of time that a setting takes, in seconds: a day.
const LONGEST: u32 = 86_400;

/// What a setting's value may be, and how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A port; 0 lets the system choose.
    Port,
    /// A port, or what Kubernetes puts into a variable of that name for a service `jaeger-agent`:
    /// `udp://10.0.0.1:6831`.
    LinkedPort,
    /// A whole number.
    Count { least: u32, most: u32 },
    /// Seconds, whole or with a fraction.
    Seconds,
    /// Whole milliseconds; 0 is none.
    Millis,
    /// Bytes, with a unit or without.
    Size,
    /// A boolean of which unknown text is an error.
    Bool,
    /// A boolean of which unknown text is false, with a warning, as seldon-core reads it.
    LenientBool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A log level's name.
    Level,
    /// Any text.
    Text,
    /// A file that need not be there yet.
    File,
    /// A folder that must be there.
    Folder,
    /// A program: a name to be looked up on `PATH`, or a path to a file that must be there.
    Program,
    /// An IP address.
    Address,
    /// The path part of a URL.
    UrlPath,
    /// A JSON list of typed parameters.
    Parameters,
    /// A JSON object of texts.
    Labels,
    /// A YAML mapping; kept as JSON.
    Yaml,
    /// A module and a class.
    Interface,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Port(u16),
    Count(u32),
    Duration(Duration),
    Size(usize),
    Bool(bool),
    Word(&'static str),
    Text(String),
    Path(PathBuf),
    Address(IpAddr),
    Parameters(Parameters),
    Labels(BTreeMap<String, String>),
    Interface(InterfaceName),
}

/// A value, or why there is none.
pub(crate) enum Parsed {
    Value(Value),
    /// Read as something else than what was given, which the user should know.
    Replaced(Value, &'static str),
    Bad(Option<String>),
}

pub(crate) const LEVELS: &[&str] = &["DEBUG", "INFO", "WARNING", "ERROR"];

impl Kind {
    /// What is allowed, for a person.
    pub(crate) fn allowed(self) -> String {
        match self {
            Self::Port => "a port from 0 to 65535 (0: the system chooses)".to_owned(),
            Self::LinkedPort => "a port from 1 to 65535, or udp://host:port".to_owned(),
            Self::Count { least, most } => format!("a whole number from {least} to {most}"),
            Self::Seconds => format!("seconds from 0 to {LONGEST}"),
            Self::Millis => {
                format!(
                    "milliseconds, a whole number from 0 to {} (0: none)",
                    LONGEST * 1000
                )
            }
            Self::Size => format!(
                "bytes from 1 to {LARGEST_BODY}, or a number with a unit: KB MB GB KiB MiB GiB"
            ),
            Self::Bool | Self::LenientBool => "1, true or t; 0, false, f or no".to_owned(),
            Self::Word(words) => format!("one of {}", words.join(" ")),
            Self::Level => format!("one of {}", LEVELS.join(" ")),
            Self::Text => "any text".to_owned(),
            Self::File => "a path".to_owned(),
            Self::Folder => "a folder that is there".to_owned(),
            Self::Program => "a name on PATH or a program file that is there".to_owned(),
            Self::Address => "an IPv4 or IPv6 address, or localhost".to_owned(),
            Self::UrlPath => "a path that starts with / (letters, digits and -._~/)".to_owned(),
            Self::Parameters => "a JSON list of {\"name\",\"value\",\"type\"}, \
                type one of INT FLOAT DOUBLE STRING BOOL"
                .to_owned(),
            Self::Labels => "a JSON object whose values are texts".to_owned(),
            Self::Yaml => "a YAML mapping".to_owned(),
            Self::Interface => "a class's name, or module and class with a dot between".to_owned(),
        }
    }

    /// The placeholder of the value in `--help`.
    pub(crate) fn value_name(self) -> &'static str {
        match self {
            Self::Port | Self::LinkedPort => "PORT",
            Self::Count { .. } => "N",
            Self::Seconds => "SECONDS",
            Self::Millis => "MS",
            Self::Size => "BYTES",
            Self::Bool | Self::LenientBool => "0|1",
            Self::Word(_) => "WORD",
            Self::Level => "LEVEL",
            Self::Text => "TEXT",
            Self::File | Self::Program => "PATH",
            Self::Folder => "FOLDER",
            Self::Address => "ADDRESS",
            Self::UrlPath => "/PATH",
            Self::Parameters | Self::Labels => "JSON",
            Self::Yaml => "YAML",
            Self::Interface => "NAME",
        }
    }

    /// What a value that is not allowed gets.
    pub(crate) fn when_bad(self) -> &'static str {
        match self {
            Self::LenientBool => "false, with a warning",
            Self::Text => "exit code 2 if it is not UTF-8",
            Self::Yaml => {
                "left out, with a warning, if it is not YAML; exit code 2 if it is no mapping"
            }
            _ => "exit code 2",
        }
    }

    /// Whether a negative number may be meant as this setting's value rather than as a flag.
    pub(crate) fn is_number(self) -> bool {
        matches!(
            self,
            Self::Port | Self::Count { .. } | Self::Seconds | Self::Millis | Self::Size
        )
    }

    pub(crate) fn parse(self, raw: &OsStr) -> Parsed {
        let good = |value: Option<Value>| value.map_or(Parsed::Bad(None), Parsed::Value);
        let path = Path::new(raw);
        let Some(text) = raw.to_str() else {
            return match self {
                // Not a folder: it is sent to the workers as JSON.
                Self::File | Self::Program => self.parse_path(path),
                _ => Parsed::Bad(Some("it is not UTF-8".to_owned())),
            };
        };
        let word = text.trim();
        match self {
            Self::Port => good(word.parse().ok().map(Value::Port)),
            Self::LinkedPort => {
                let port = word
                    .rsplit_once("://")
                    .map_or(Some(word), |(_, authority)| {
                        authority.rsplit_once(':').map(|(_, port)| port)
                    });
                let port: Option<u16> = port.and_then(|port| port.parse().ok());
                good(port.filter(|port| *port != 0).map(Value::Port))
            }
            Self::Count { least, most } => {
                let number: Option<u32> = word.parse().ok();
                good(
                    number
                        .filter(|n| (least..=most).contains(n))
                        .map(Value::Count),
                )
            }
            Self::Seconds => good(seconds(word).map(Value::Duration)),
            Self::Millis => good(millis(word).map(Value::Duration)),
            Self::Size => good(size(word).map(Value::Size)),
            Self::Bool => good(boolean(word).map(Value::Bool)),
            Self::LenientBool => match boolean(word) {
                Some(value) => Parsed::Value(Value::Bool(value)),
                None => Parsed::Replaced(Value::Bool(false), "false"),
            },
            Self::Word(words) => good(
                words
                    .iter()
                    .find(|known| **known == word)
                    .copied()
                    .map(Value::Word),
            ),
            Self::Level => level(word),
            Self::Text => Parsed::Value(Value::Text(text.to_owned())),
            Self::File | Self::Folder | Self::Program => self.parse_path(path),
            Self::Address => good(address(word).map(Value::Address)),
            Self::UrlPath => good(is_url_path(word).then(|| Value::Text(word.to_owned()))),
            Self::Parameters => match Parameters::parse(text) {
                Ok(parameters) => Parsed::Value(Value::Parameters(parameters)),
                Err(why) => Parsed::Bad(Some(why)),
            },
            Self::Labels => match serde_json::from_str(text) {
                Ok(labels) => Parsed::Value(Value::Labels(labels)),
                Err(error) => Parsed::Bad(Some(error.to_string())),
            },
            Self::Yaml => yaml(text),
            Self::Interface => match InterfaceName::parse(word) {
                Ok(name) => Parsed::Value(Value::Interface(name)),
                Err(why) => Parsed::Bad(Some(why)),
            },
        }
    }

    fn parse_path(self, path: &Path) -> Parsed {
        let bad = |why: &str| Parsed::Bad(Some(why.to_owned()));
        if path.as_os_str().is_empty() {
            return Parsed::Bad(None);
        }
        // A bare name is left to the search on PATH when the program is started.
        let has_folder = path.components().count() > 1;
        match self {
            Self::Folder if !path.is_dir() => bad("there is no such folder"),
            Self::Program if has_folder && !path.is_file() => bad("there is no such file"),
            _ => Parsed::Value(Value::Path(path.to_owned())),
        }
    }
}

/// `None`: not a boolean.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" => Some(true),
        "" | "0" | "false" | "f" | "no" => Some(false),
        _ => None,
    }
}

fn yaml(text: &str) -> Parsed {
    match serde_yaml_ng::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(mapping)) => {
            Parsed::Value(Value::Text(serde_json::Value::Object(mapping).to_string()))
        }
        Ok(_) => Parsed::Bad(Some("it is not a mapping".to_owned())),
        // seldon-core serves all the same, so a manifest may hold such a text unnoticed.
        Err(_) => Parsed::Replaced(Value::Text("{}".to_owned()), "no metadata"),
    }
}

fn level(word: &str) -> Parsed {
    // Names of levels that do not exist here, and that manifests for seldon-core have.
    match word {
        "CRITICAL" | "FATAL" => Parsed::Replaced(Value::Word("ERROR"), "ERROR"),
        "WARN" => Parsed::Replaced(Value::Word("WARNING"), "WARNING"),
        _ => match LEVELS.iter().find(|known| **known == word) {
            Some(known) => Parsed::Value(Value::Word(known)),
            None => Parsed::Bad(None),
        },
    }
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (0.0..=f64::from(LONGEST))
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

pub(crate) fn millis(text: &str) -> Option<Duration> {
    let millis: u32 = text.trim().parse().ok()?;
    (millis <= LONGEST * 1000).then(|| Duration::from_millis(millis.into()))
}

pub(crate) fn size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (number, unit) = text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    );
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    let bytes = usize::try_from(number.parse::<u64>().ok()?.checked_mul(unit)?).ok()?;
    (1..=LARGEST_BODY).contains(&bytes).then_some(bytes)
}

fn address(text: &str) -> Option<IpAddr> {
    if text == "localhost" {
        return Some(Ipv4Addr::LOCALHOST.into());
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse().ok()
}

fn is_url_path(text: &str) -> bool {
    text.starts_with('/')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte))
}
