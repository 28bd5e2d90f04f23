//! What is measured once on one server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use super::grid::Unsupported;
use super::loads::{Grpc, Rest, check};
use super::models::{FOUR, LARGE, MEAN, SLOW_START, SMALL, six_digits};
use super::servers::{Server, Setup};
use super::turns::Turn;
use super::workplace::Workplace;
use crate::shell::say;

/// Longer than a successor takes to start.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longer than the slowest server takes for a wave.
const WAVE_TIMEOUT: Duration = Duration::from_secs(300);

/// After a response processes may still start, or give memory back.
const REST: Duration = Duration::from_secs(3);

/// Numbers of eight characters and a comma make a megabyte.
const NUMBERS_OF_A_MEGABYTE: usize = 111_111;

/// Requests until a worker is recycled.
const MAX_REQUESTS: usize = 50;

/// Where servers run, and how long a measurement takes.
pub(super) struct Bench {
    pub(super) work: Workplace,
    pub(super) pace: Pace,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pace {
    /// Of one turn.
    pub(super) seconds: u64,
    /// Requests of a wave.
    pub(super) wave: usize,
    /// After a wave.
    pub(super) pause: Duration,
}

impl Bench {
    pub(super) fn rest(&self, server: &Server, rest: &Rest<'_>) -> anyhow::Result<Turn> {
        rest.turn(server, &self.work, self.pace.seconds)
    }

    pub(super) fn grpc(&self, server: &Server, grpc: &Grpc<'_>) -> anyhow::Result<Turn> {
        if server.kind.method().is_none() {
            bail!(Unsupported("no gRPC"));
        }
        grpc.turn(server, &self.work, self.pace.seconds)
    }

    /// Megabytes of an idle server that has responded.
    pub(super) fn memory(&self, server: &Server, setup: Setup<'_>) -> anyhow::Result<f64> {
        let running = server.start(&self.work, setup)?;
        check(&running, setup.model, &FOUR)?;
        thread::sleep(REST);
        running.memory()
    }

    /// The same of four workers with a large model, and one for gRPC where that has its own.
    pub(super) fn memory_of_five(&self, server: &Server) -> anyhow::Result<f64> {
        let setup = Setup {
            workers: Some(4),
            flags: &["--grpc-workers", "1"],
            ..Setup::defaults(&LARGE)
        };
        self.memory(server, setup)
    }

    /// Milliseconds from the start to the first response, less those that Python takes to import
    /// the model.
    pub(super) fn start(&self, server: &Server) -> anyhow::Result<f64> {
        let import = server.import(&self.work, &SMALL)?;
        let (_running, took) = server.start_timed(&self.work, Setup::defaults(&SMALL))?;
        Ok((took.as_secs_f64() - import.as_secs_f64()) * 1e3)
    }

    /// Milliseconds from the end of the only worker to a response of its successor.
    pub(super) fn lost_worker(&self, server: &Server) -> anyhow::Result<f64> {
        let running = server.start(&self.work, Setup::defaults(&SLOW_START))?;
        let worker = running.worker(TIMEOUT)?;
        if worker == running.pid() {
            bail!(Unsupported("no worker beside the server"));
        }
        let pid = Pid::from_raw(worker);
        let killed = Instant::now();
        kill_process(pid.unwrap_or(Pid::INIT), Signal::KILL)?;
        running.successor(worker, TIMEOUT)?;
        Ok(killed.elapsed().as_secs_f64() * 1e3)
    }

    /// Milliseconds from the last request that a worker may have to a response of its successor.
    pub(super) fn recycled_worker(&self, server: &Server) -> anyhow::Result<f64> {
        if !server.kind.is_seldon() {
            bail!(Unsupported("no recycling"));
        }
        let limit = MAX_REQUESTS.to_string();
        let setup = Setup {
            flags: &["--max-requests", &limit, "--max-requests-jitter", "0"],
            ..Setup::defaults(&SLOW_START)
        };
        let running = server.start(&self.work, setup)?;
        let worker = running.worker(TIMEOUT)?;
        // The start had one request, and the worker has just had another.
        for request in 2..MAX_REQUESTS {
            let found = running.worker(TIMEOUT)?;
            ensure!(found == worker, "recycled after {request} requests");
        }
        let last = Instant::now();
        running.successor(worker, TIMEOUT)?;
        Ok(last.elapsed().as_secs_f64() * 1e3)
    }

    /// Megabytes that a wave of large requests leaves behind.
    pub(super) fn wave(&self, server: &Server) -> anyhow::Result<f64> {
        let running = server.start(&self.work, Setup::defaults(&MEAN))?;
        let row = six_digits(NUMBERS_OF_A_MEGABYTE);
        check(&running, &MEAN, &row)?;
        thread::sleep(REST);
        let before = running.memory()?;
        let body = running.protocol().body(&row);
        let path = running.protocol().path();
        let statuses = wave(running.address(), path, &body, self.pace.wave);
        say(format_args!("   {}: {}", server.name, summary(&statuses)));
        let served = statuses.iter().filter(|status| **status == Some(200));
        ensure!(served.count() > 0, "no response to the wave");
        thread::sleep(self.pace.pause);
        Ok(running.memory()? - before)
    }
}

/// Sends a body on so many connections at once; the status of each response.
fn wave(server: SocketAddr, path: &str, body: &str, count: usize) -> Vec<Option<u16>> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let send = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&server, WAVE_TIMEOUT)?;
        stream.set_read_timeout(Some(WAVE_TIMEOUT))?;
        stream.set_write_timeout(Some(WAVE_TIMEOUT))?;
        stream.write_all(request.as_bytes())?;
        // A server that refuses a body may close the connection before it has read it.
        let sent = stream.write_all(body.as_bytes());
        let mut response = Vec::new();
        match stream.read_to_end(&mut response) {
            Err(error) if response.is_empty() => Err(sent.err().unwrap_or(error)),
            _ => Ok(response),
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|_| scope.spawn(send)).collect();
        let responses = threads.into_iter().map(thread::ScopedJoinHandle::join);
        responses
            .map(|response| status(&response.ok()?.ok()?))
            .collect()
    })
}

fn status(response: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(response.get(..12)?).ok()?;
    text.strip_prefix("HTTP/1.1 ")?.parse().ok()
}

/// How many responses had which status.
fn summary(statuses: &[Option<u16>]) -> String {
    let mut counts = std::collections::BTreeMap::<_, usize>::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    let texts = counts.into_iter().map(|(status, count)| match status {
        Some(status) => format!("{count} × {status}"),
        None => format!("{count} without a response"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statuses_of_a_wave_are_counted() {
        assert_eq!(status(b"HTTP/1.1 503 Service"), Some(503));
        assert_eq!(status(b"HTTP"), None);
        let statuses = [Some(503), None, Some(200), Some(503)];
        assert_eq!(summary(&statuses), "1 without a response, 1 × 200, 2 × 503");
    }
}
