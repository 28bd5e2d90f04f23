//! Numbers: ports, counts, spans of time, sizes.

use std::time::Duration;

#[cfg(test)]
use super::Examples;
use super::{Kind, Parsed};
use crate::language::Language::{self, Chinese, English};

/// Largest body: a gRPC message's length is a signed 32-bit number at the orchestrator.
const LARGEST_BODY: usize = i32::MAX as usize;

/// Longest span of time that a setting takes, in seconds: a day.
const LONGEST: u32 = 86_400;

/// A port; 0 lets the system choose.
pub(crate) struct Port;

impl Kind for Port {
    type Value = u16;

    fn parse(&self, text: &str) -> Parsed<u16> {
        Parsed::of(text.trim().parse().ok())
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a port from 0 to 65535 (0: the system chooses)".to_owned(),
            Chinese => "0 到 65535 的端口号（0：由系统选择）".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "PORT"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["0", "65535"], &["", "x", "-1", "65536", "80.5"])
    }
}

/// A port, or what Kubernetes puts into a variable of that name for a service `jaeger-agent`:
/// `udp://10.0.0.1:6831`.
pub(crate) struct LinkedPort;

impl Kind for LinkedPort {
    type Value = u16;

    fn parse(&self, text: &str) -> Parsed<u16> {
        let text = text.trim();
        let port = text
            .rsplit_once("://")
            .map_or(Some(text), |(_, authority)| {
                authority.rsplit_once(':').map(|(_, port)| port)
            });
        let port: Option<u16> = port.and_then(|port| port.parse().ok());
        Parsed::of(port.filter(|port| *port != 0))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "a port from 1 to 65535, or udp://host:port".to_owned(),
            Chinese => "1 到 65535 的端口号，或 udp://host:port".to_owned(),
        }
    }

    fn placeholder(&self) -> &'static str {
        "PORT"
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(
            ["1", "udp://10.0.0.1:6831"],
            &["", "x", "0", "65536", "udp://host", "udp://host:x"],
        )
    }
}

/// A whole number.
pub(crate) struct Count {
    pub(crate) least: u32,
    pub(crate) most: u32,
}

impl Kind for Count {
    type Value = u32;

    fn parse(&self, text: &str) -> Parsed<u32> {
        let number: Option<u32> = text.trim().parse().ok();
        Parsed::of(number.filter(|number| (self.least..=self.most).contains(number)))
    }

    fn allowed(&self, language: Language) -> String {
        let Self { least, most } = self;
        match language {
            English => format!("a whole number from {least} to {most}"),
            Chinese => format!("{least} 到 {most} 的整数"),
        }
    }

    fn placeholder(&self) -> &'static str {
        "N"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        let (least, most) = (self.least.to_string(), self.most.to_string());
        let below = (i64::from(self.least) - 1).to_string();
        let above = (i64::from(self.most) + 1).to_string();
        Examples::new(
            [&least, &most],
            &["", "x", "-1", "1.5", "inf", &below, &above],
        )
    }
}

/// Seconds, whole or with a fraction.
pub(crate) struct Seconds;

impl Kind for Seconds {
    type Value = Duration;

    fn parse(&self, text: &str) -> Parsed<Duration> {
        let seconds: Option<f64> = text.trim().parse().ok();
        let seconds = seconds.filter(|seconds| (0.0..=f64::from(LONGEST)).contains(seconds));
        Parsed::of(seconds.map(Duration::from_secs_f64))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => format!("seconds from 0 to {LONGEST}"),
            Chinese => format!("0 到 {LONGEST} 秒，可带小数"),
        }
    }

    fn placeholder(&self) -> &'static str {
        "SECONDS"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(
            ["0", "86400"],
            &["", "x", "-1", "inf", "nan", "86401", "2s"],
        )
    }
}

/// Whole milliseconds; 0 is none.
pub(crate) struct Millis;

impl Kind for Millis {
    type Value = Duration;

    fn parse(&self, text: &str) -> Parsed<Duration> {
        Parsed::of(millis(text))
    }

    fn allowed(&self, language: Language) -> String {
        let most = LONGEST * 1000;
        match language {
            English => format!("milliseconds, a whole number from 0 to {most} (0: none)"),
            Chinese => format!("毫秒数，0 到 {most} 的整数（0：不限）"),
        }
    }

    fn placeholder(&self) -> &'static str {
        "MS"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["0", "86400000"], &["", "-1", "1.5", "5s", "86400001"])
    }
}

pub(crate) fn millis(text: &str) -> Option<Duration> {
    let millis: u32 = text.trim().parse().ok()?;
    (millis <= LONGEST * 1000).then(|| Duration::from_millis(millis.into()))
}

/// Bytes, with a unit or without.
pub(crate) struct Size;

impl Kind for Size {
    type Value = usize;

    fn parse(&self, text: &str) -> Parsed<usize> {
        Parsed::of(size(text))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => format!(
                "bytes from 1 to {LARGEST_BODY}, or a number with a unit: KB MB GB KiB MiB GiB"
            ),
            Chinese => {
                format!("1 到 {LARGEST_BODY} 的字节数，或带单位的数字：KB MB GB KiB MiB GiB")
            }
        }
    }

    fn placeholder(&self) -> &'static str {
        "BYTES"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(["1", "1 GiB"], &["", "0", "-1", "1TB", "2147483648"])
    }
}

/// Memory of the server, in bytes, with a unit or without.
pub(crate) struct Memory;

/// The least and the most of it: a megabyte, a petabyte.
const LEAST_MEMORY: u64 = 1 << 20;
const MOST_MEMORY: u64 = 1 << 50;

impl Kind for Memory {
    type Value = usize;

    fn parse(&self, text: &str) -> Parsed<usize> {
        Parsed::of(memory(text).and_then(|bytes| usize::try_from(bytes).ok()))
    }

    fn allowed(&self, language: Language) -> String {
        match language {
            English => "1 MiB to 1048576 GiB: bytes, or a number with a unit: KB MB GB KiB MiB GiB"
                .to_owned(),
            Chinese => {
                "1 MiB 到 1048576 GiB：字节数，或带单位的数字：KB MB GB KiB MiB GiB".to_owned()
            }
        }
    }

    fn placeholder(&self) -> &'static str {
        "BYTES"
    }

    fn is_number(&self) -> bool {
        true
    }

    #[cfg(test)]
    fn examples(&self) -> Examples {
        Examples::new(
            ["1048576", "6 GiB"],
            &["", "0", "-1", "1TB", "1023KiB", "1048577GiB"],
        )
    }
}

pub(crate) fn size(text: &str) -> Option<usize> {
    let bytes = usize::try_from(bytes(text)?).ok()?;
    (1..=LARGEST_BODY).contains(&bytes).then_some(bytes)
}

pub(super) fn memory(text: &str) -> Option<u64> {
    bytes(text).filter(|bytes| (LEAST_MEMORY..=MOST_MEMORY).contains(bytes))
}

pub(super) fn bytes(text: &str) -> Option<u64> {
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
    number.parse::<u64>().ok()?.checked_mul(unit)
}
