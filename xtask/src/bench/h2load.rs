//! Load over gRPC: what h2load sends, and what it reports of the responses.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::running::Running;
use super::turns::{Phases, Turn};
use crate::shell::output;

/// Finds h2load, before anything is built for it.
pub(super) fn h2load() -> anyhow::Result<()> {
    let found = output(Command::new("sh").args(["-c", "command -v h2load"]));
    found.context("h2load is needed (Debian: apt-get install nghttp2-client)")?;
    Ok(())
}

/// A message in a file, framed as gRPC has it, and where the times of its responses are written.
pub(super) struct Frame {
    message: PathBuf,
    times: PathBuf,
}

/// Calls at once.
#[derive(Clone, Copy)]
pub(super) struct Callers {
    pub(super) connections: usize,
    /// Streams on each connection.
    pub(super) streams: usize,
}

impl Frame {
    /// Writes the message as `name` into `folder`.
    pub(super) fn new(folder: &Path, name: &str, message: &[u8]) -> anyhow::Result<Self> {
        let body = framed(message)?;
        let message = folder.join(name).with_extension("grpc");
        fs::write(&message, body)?;
        let times = folder.join(name).with_extension("times");
        Ok(Self { message, times })
    }

    /// Calls `method`. `response` is what every call must get: an error has status 200 over HTTP,
    /// but no body.
    pub(super) fn turn(
        &self,
        running: &Running,
        method: &str,
        callers: Callers,
        phases: Phases,
        response: &[u8],
    ) -> anyhow::Result<Turn> {
        let h2load = |seconds: u64| {
            output(
                Command::new("h2load")
                    .args(["--threads", "1"])
                    .args(["--clients", &callers.connections.to_string()])
                    .args(["--max-concurrent-streams", &callers.streams.to_string()])
                    .args(["--duration", &format!("{seconds}s")])
                    .args(["--header", "content-type: application/grpc"])
                    .args(["--header", "te: trailers"])
                    .arg("--data")
                    .arg(&self.message)
                    .arg("--log-file")
                    .arg(&self.times)
                    .arg(format!("http://{}{method}", running.grpc_address())),
            )
        };
        // Its own warm-up would count bytes, but no responses.
        if let Some(seconds) = phases.warm_up {
            h2load(seconds)?;
        }
        // It appends to what is there.
        fs::write(&self.times, "")?;
        let before = running.processor_time()?;
        let text = h2load(phases.seconds)?;
        let processor_time = running.processor_time()? - before;
        let totals = Totals::parse(&text).with_context(|| format!("h2load printed\n{text}"))?;
        totals.check(framed(response)?.len() as f64)?;
        let times = fs::read_to_string(&self.times)?;
        let (median, p99) = percentiles(&times).context("h2load wrote no times")?;
        Ok(Turn {
            rate: totals.succeeded / phases.seconds as f64,
            median,
            p99,
            processor_time: processor_time * 1e6 / totals.succeeded,
        })
    }
}

/// The message behind its prefix: not compressed, and its length.
fn framed(message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let length = u32::try_from(message.len())?.to_be_bytes();
    Ok([&[0], &length[..], message].concat())
}

/// What h2load counted in the seconds that count.
#[derive(Debug, PartialEq)]
struct Totals {
    succeeded: f64,
    failed: f64,
    /// Bytes of all responses' bodies.
    bytes: f64,
}

impl Totals {
    fn parse(text: &str) -> Option<Self> {
        let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name));
        let count = |name: &str| -> Option<f64> {
            let part = line("requests:")?
                .split(',')
                .find(|part| part.ends_with(name))?;
            part.trim().split(' ').next()?.parse().ok()
        };
        let bytes = line("traffic:")?.rsplit_once(',')?.1;
        let (_, bytes) = bytes.split_once('(')?;
        Some(Self {
            succeeded: count("succeeded")?,
            failed: count("failed")? + count("errored")? + count("timeout")?,
            bytes: bytes.split_once(')')?.0.parse().ok()?,
        })
    }

    /// Whether the responses have as many bytes as so many responses of `size` bytes, but for those
    /// that were under way at the start and at the end.
    fn check(&self, size: f64) -> anyhow::Result<()> {
        if self.failed > 0.0 || self.succeeded < 1.0 {
            bail!("{} calls failed, {} did not", self.failed, self.succeeded);
        }
        let expected = self.succeeded * size;
        if self.bytes < expected * 0.9 || self.bytes > expected * 1.1 + 64.0 * size {
            bail!(
                "{} responses have {} bytes, not {expected}: some are errors",
                self.succeeded,
                self.bytes
            );
        }
        Ok(())
    }
}

/// The median and the 99th of 100 in h2load's log: start, status, microseconds.
fn percentiles(log: &str) -> Option<(f64, f64)> {
    let mut times: Vec<f64> = log
        .lines()
        .filter_map(|line| line.split('\t').nth(2)?.parse().ok())
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied();
    Some((at(0.5)?, at(0.99)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
finished in 2.00s, 50.00 req/s, 9.07KB/s
requests: 100 total, 104 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 100 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 18.15KB (18583) total, 3.07KB (3140) headers (space savings 88.08%), 4.88KB (5000) data
";

    #[test]
    fn what_h2load_prints_is_read() {
        let totals = Totals::parse(PRINTED).unwrap();
        let expected = Totals {
            succeeded: 100.0,
            failed: 0.0,
            bytes: 5000.0,
        };
        assert_eq!(totals, expected);
        totals.check(50.0).unwrap();
        assert_eq!(
            percentiles("7\t200\t30\n8\t200\t10\n9\t200\t20\n"),
            Some((20.0, 30.0))
        );
    }

    #[test]
    fn errors_are_seen_though_their_status_is_200() {
        let without_bodies = PRINTED.replace("(5000)", "(500)");
        let totals = Totals::parse(&without_bodies).unwrap();
        assert!(totals.check(50.0).is_err());
        let failed = PRINTED.replace("0 failed", "3 failed");
        assert!(Totals::parse(&failed).unwrap().check(50.0).is_err());
    }

    #[test]
    fn a_frame_is_a_flag_a_length_and_the_message() {
        assert_eq!(framed(b"ab").unwrap(), b"\0\0\0\0\x02ab");
    }
}
