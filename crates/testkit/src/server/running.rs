//! Servers that run.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::lines::{Lines, TIMEOUT};
use super::process::Process;
use crate::http::{Request, Response};

/// The text before the address in the line that says that the REST port is open.
pub(super) const SERVING: &str = "serving REST at http";

/// The same for the gRPC port.
pub(super) const SERVING_GRPC: &str = "serving gRPC at http";

/// The same for the REST port without workers.
pub(super) const SERVING_HEALTH: &str = "serving health (REST has no workers) at http";

/// The same for the metrics port, which opens first.
pub(super) const SERVING_METRICS: &str = "serving metrics at http";

/// A server that serves. Dropping it kills its process group.
#[derive(Debug)]
pub struct Server {
    pub(super) process: Process,
    pub(super) address: SocketAddr,
}

/// A server that may still be loading. Dropping it kills its process group.
#[derive(Debug)]
pub struct Loading {
    pub(super) process: Process,
    pub(super) metrics: SocketAddr,
}

impl Loading {
    /// Where the metrics port is, on the loopback interface.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics
    }

    /// Whether the server has said so far that it serves REST.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.process.log.text().contains(SERVING)
    }

    /// As [`Server::signal`].
    ///
    /// # Errors
    ///
    /// When the server has gone already.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.process.pid(), signal)?)
    }

    /// As [`Server::wait_for_log`].
    ///
    /// # Panics
    ///
    /// When the line does not come.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.process.wait_for_log(text)
    }
}

impl Server {
    /// Where the server serves, on the loopback interface: the REST port, if it has one.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the gRPC port is, on the loopback interface; waits until the server says so.
    ///
    /// # Panics
    ///
    /// When it does not say so.
    #[must_use]
    pub fn grpc_address(&self) -> SocketAddr {
        let line = self.wait_for_log(SERVING_GRPC);
        address(&line, SERVING_GRPC).unwrap_or_else(|| panic!("no address in \"{line}\""))
    }

    /// Where the metrics port is, on the loopback interface; waits until the server says so.
    ///
    /// # Panics
    ///
    /// When it does not say so.
    #[must_use]
    pub fn metrics_address(&self) -> SocketAddr {
        let line = self.wait_for_log(SERVING_METRICS);
        address(&line, SERVING_METRICS).unwrap_or_else(|| panic!("no address in \"{line}\""))
    }

    /// The process id of the server itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// The lines that the server has written to standard error so far.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.process.log.lock().lines.clone()
    }

    /// Waits for a line of the log that has `text` in it.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn wait_for_log(&self, text: &str) -> String {
        self.process.wait_for_log(text)
    }

    /// Reads standard output from now on, where it was held by `ServerCommand::hold_output`.
    pub fn read_output(&mut self) {
        self.process.output = Lines::gather(self.process.held.take());
    }

    /// The lines that the server has written to standard output so far.
    #[must_use]
    pub fn output(&self) -> Vec<String> {
        self.process.output.lock().lines.clone()
    }

    /// Waits for a line of standard output that has `text` in it.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn wait_for_output(&self, text: &str) -> String {
        match self.process.output.wait_for(text, TIMEOUT) {
            Some(line) => line,
            None => panic!(
                "no \"{text}\" in the output:\n{}",
                self.process.output.text()
            ),
        }
    }

    /// Sends a request and reads the response.
    ///
    /// # Errors
    ///
    /// As [`Request::send`].
    pub fn send(&self, request: &Request) -> io::Result<Response> {
        request.send(self.address, TIMEOUT)
    }

    /// Sends a signal, as a terminal or an orchestrator does.
    ///
    /// # Errors
    ///
    /// When the server has gone already.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(kill_process(self.process.pid(), signal)?)
    }

    /// Waits until the server has ended, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// `TimedOut`.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let since = Instant::now();
        while since.elapsed() < timeout {
            if let Some(status) = self.process.child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// The address behind `mark` in a line of the log, on the loopback interface.
pub(super) fn address(line: &str, mark: &str) -> Option<SocketAddr> {
    let rest = &line[line.find(mark)? + mark.len()..];
    let rest = rest.trim_start_matches('s').strip_prefix("://")?;
    let end = rest
        .find(|c: char| !c.is_ascii_hexdigit() && !".:[]".contains(c))
        .unwrap_or(rest.len());
    let served: SocketAddr = rest[..end].parse().ok()?;
    Some(SocketAddr::from((Ipv4Addr::LOCALHOST, served.port())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_text_and_in_json() {
        for line in [
            "2026-01-01T00:00:00Z  INFO streeling::server: serving REST at http://0.0.0.0:8080",
            r#"{"level":"INFO","message":"serving REST at http://0.0.0.0:8080","target":"x"}"#,
            "serving REST at http://[::]:8080",
            "serving REST at https://[::]:8080",
        ] {
            let found = address(line, SERVING).map(|address| address.port());
            assert_eq!(found, Some(8080), "{line}");
        }
        assert_eq!(address("serving REST at http://nowhere", SERVING), None);
    }
}
