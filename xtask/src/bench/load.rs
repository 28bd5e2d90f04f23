//! Load over REST: what wrk sends, and what it says about the responses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::running::Running;
use super::turns::{Phases, Turn};
use crate::shell::output;

/// Finds wrk, before anything is built for it.
pub(super) fn wrk() -> anyhow::Result<()> {
    let wrk = output(Command::new("sh").args(["-c", "command -v wrk"]));
    wrk.context("wrk is needed (Debian: apt-get install wrk)")?;
    Ok(())
}

/// A script that lets wrk post a body.
pub(super) struct Script(PathBuf);

impl Script {
    /// Writes the script and the body as `name` into `folder`.
    pub(super) fn new(folder: &Path, name: &str, body: &str) -> anyhow::Result<Self> {
        Self::with_headers(
            folder,
            name,
            body.as_bytes(),
            &[("Content-Type", "application/json")],
        )
    }

    /// The same for any body.
    pub(super) fn with_headers(
        folder: &Path,
        name: &str,
        body: &[u8],
        headers: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let file = folder.join(name).with_extension("body");
        fs::write(&file, body)?;
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("wrk.headers['{name}'] = '{value}'\n"))
            .collect();
        let script = folder.join(name).with_extension("lua");
        fs::write(
            &script,
            format!(
                "local file = assert(io.open([[{}]], 'rb'))\n\
                 wrk.body = file:read('*a')\n\
                 file:close()\n\
                 wrk.method = 'POST'\n{headers}",
                file.display()
            ),
        )?;
        Ok(Self(script))
    }

    /// Sends on so many connections.
    pub(super) fn turn(
        &self,
        running: &Running,
        connections: usize,
        phases: Phases,
    ) -> anyhow::Result<Turn> {
        if let Some(seconds) = phases.warm_up {
            self.send(running, connections, seconds)?;
        }
        let before = running.processor_time()?;
        let text = self.send(running, connections, phases.seconds)?;
        parse(&text, running.processor_time()? - before)
    }

    fn send(&self, running: &Running, connections: usize, seconds: u64) -> anyhow::Result<String> {
        output(
            Command::new("wrk")
                .args(["--threads", "1", "--latency", "--timeout", "60s"])
                .args(["--connections", &connections.to_string()])
                .args(["--duration", &format!("{seconds}s")])
                .arg("--script")
                .arg(&self.0)
                .arg(format!(
                    "http://{}{}",
                    running.address(),
                    running.protocol().path()
                )),
        )
    }
}

/// Reads what wrk prints of responses that took `seconds` of processor time; a response that was an
/// error is one here too.
fn parse(text: &str, seconds: f64) -> anyhow::Result<Turn> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .map(str::trim)
    };
    if let Some(errors) = field("Non-2xx or 3xx responses:").or(field("Socket errors:")) {
        bail!("wrk saw other responses than 2xx, or errors: {errors}");
    }
    let micros = |name| {
        field(name)
            .and_then(duration)
            .with_context(|| format!("no {name} in:\n{text}"))
    };
    let count = text.lines().find_map(|line| {
        let (count, _) = line.trim().split_once(" requests in ")?;
        count.parse::<f64>().ok()
    });
    let count = count.with_context(|| format!("no count of requests in:\n{text}"))?;
    if count < 1.0 {
        bail!("wrk got no response");
    }
    Ok(Turn {
        rate: field("Requests/sec:")
            .context("wrk printed no rate")?
            .parse()?,
        median: micros("50%")?,
        p99: micros("99%")?,
        processor_time: seconds * 1e6 / count,
    })
}

/// `850.00us`, `1.25ms`, `2.00s` or `1.50m`, in microseconds.
fn duration(text: &str) -> Option<f64> {
    let (number, scale) = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7)]
        .into_iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_prints_is_read() {
        let text = "  Latency Distribution\n     50%  850.00us\n     99%    1.25ms\n\
                      20000 requests in 2.00s, 3.05MB read\nRequests/sec:  12345.67\n";
        let turn = parse(text, 0.5).unwrap();
        assert_eq!(
            (turn.rate, turn.median, turn.p99, turn.processor_time),
            (12345.67, 850.0, 1250.0, 25.0)
        );
        assert!(parse("  Non-2xx or 3xx responses: 7\n", 0.5).is_err());
        assert!(parse(&text.replace("20000", "0"), 0.5).is_err());
        assert_eq!(duration("2.00s"), Some(2e6));
        assert_eq!(duration("2.00h"), None);
    }
}
