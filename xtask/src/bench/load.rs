//! Load over REST: what wrk sends, and what it says about the responses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use streeling_testkit::Running;

use super::turns::Turn;
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
        let file = folder.join(name).with_extension("json");
        fs::write(&file, body)?;
        let script = folder.join(name).with_extension("lua");
        fs::write(
            &script,
            format!(
                "local file = assert(io.open([[{}]], 'rb'))\n\
                 wrk.body = file:read('*a')\n\
                 file:close()\n\
                 wrk.method = 'POST'\n\
                 wrk.headers['Content-Type'] = 'application/json'\n",
                file.display()
            ),
        )?;
        Ok(Self(script))
    }

    /// Sends for a second, and then for the seconds that count.
    pub(super) fn turn(
        &self,
        running: &Running,
        connections: usize,
        seconds: u64,
    ) -> anyhow::Result<Turn> {
        let wrk = |seconds: u64| {
            output(
                Command::new("wrk")
                    .args(["--threads", "1", "--latency", "--timeout", "10s"])
                    .args(["--connections", &connections.to_string()])
                    .args(["--duration", &format!("{seconds}s")])
                    .arg("--script")
                    .arg(&self.0)
                    .arg(format!("http://{}/predict", running.address())),
            )
        };
        wrk(1)?;
        parse(&wrk(seconds)?)
    }
}

/// Reads what wrk prints; a response that was an error is one here too.
fn parse(text: &str) -> anyhow::Result<Turn> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(name))
            .map(str::trim)
    };
    if let Some(errors) = field("Non-2xx or 3xx responses:").or(field("Socket errors:")) {
        bail!("wrk saw errors: {errors}");
    }
    let micros = |name| {
        field(name)
            .and_then(duration)
            .with_context(|| format!("no {name} in:\n{text}"))
    };
    Ok(Turn {
        rate: field("Requests/sec:")
            .context("wrk printed no rate")?
            .parse()?,
        median: micros("50%")?,
        p99: micros("99%")?,
    })
}

/// `850.00us`, `1.25ms` or `2.00s`, in microseconds.
fn duration(text: &str) -> Option<f64> {
    let (number, scale) = [("us", 1.0), ("ms", 1e3), ("s", 1e6)]
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
                    Requests/sec:  12345.67\n";
        let turn = parse(text).unwrap();
        assert_eq!(
            (turn.rate, turn.median, turn.p99),
            (12345.67, 850.0, 1250.0)
        );
        assert!(parse("  Non-2xx or 3xx responses: 7\n").is_err());
        assert_eq!(duration("2.00s"), Some(2e6));
        assert_eq!(duration("2.00h"), None);
    }
}
