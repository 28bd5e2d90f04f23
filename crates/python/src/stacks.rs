//! The Python stacks of a worker's threads, for the log.
//!
//! The worker's control thread writes them to a pipe that the server reads. Native code that holds
//! the interpreter lock keeps that thread from running; then a signal has them written by
//! `faulthandler`, which needs no lock. Both sides are in `streeling_worker/stacks.py`.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Pid;
#[cfg(target_os = "linux")]
use rustix::process::{Signal, kill_process};
use tokio::io::Interest;
use tokio::net::unix::pipe;
use tokio::time::{Instant, timeout_at};

use crate::control::Control;
use crate::frame::Kind;

/// More than a hundred threads with stacks as deep as those of common servers.
const LARGEST: usize = 256 * 1024;

/// So long the control thread has to begin. One that waits for the interpreter lock gets it within
/// some milliseconds, unless native code holds it.
const BEGIN_TIMEOUT: Duration = Duration::from_millis(500);

/// Where nothing says that all has been written, it has been when so long nothing came.
const QUIET: Duration = Duration::from_millis(250);

/// The longest that all of it may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What the worker writes behind the last stack.
const END: u8 = 0;

/// Where a worker writes its stacks.
#[derive(Debug)]
pub(crate) struct Stacks {
    control: Arc<Control>,
    pid: Pid,
    /// Locked while they are read.
    pipe: tokio::sync::Mutex<pipe::Receiver>,
}

/// The pipe, and the half for the worker.
pub(crate) fn pair() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (ours, theirs) = io::pipe()?;
    Ok((pipe::Receiver::from_owned_fd(ours.into())?, theirs.into()))
}

impl Stacks {
    pub(crate) fn new(control: Arc<Control>, pid: Pid, pipe: pipe::Receiver) -> Self {
        Self {
            control,
            pid,
            pipe: tokio::sync::Mutex::new(pipe),
        }
    }

    /// The stacks of all threads, the call that runs last on top of each; or why there are none.
    pub(crate) async fn read(&self) -> String {
        let mut text = Vec::new();
        let until = Instant::now() + TIMEOUT;
        let is_whole = timeout_at(until, self.read_into(&mut text)).await;
        let mut text = String::from_utf8_lossy(&text).trim_end().to_owned();
        match is_whole {
            _ if text.is_empty() => text.push_str("(it has written no stacks)"),
            Ok(Ok(true)) => {}
            Ok(Ok(false) | Err(_)) | Err(_) => text.push_str("\n(there may be more)"),
        }
        text
    }

    /// Whether it is known that they are all there.
    async fn read_into(&self, text: &mut Vec<u8>) -> io::Result<bool> {
        let pipe = self.pipe.lock().await;
        discard(&pipe)?;
        let requested = async {
            self.control.send(Kind::Stacks, b"").await?;
            read_some(&pipe, text).await
        };
        let mut more = tokio::time::timeout(BEGIN_TIMEOUT, requested).await;
        if more.is_err() {
            self.signal()?;
            more = Ok(read_some(&pipe, text).await);
        }
        loop {
            match more {
                Ok(read) => {
                    if !read? {
                        return Ok(false);
                    }
                }
                // `faulthandler` does not say that it has finished.
                Err(_) => return Ok(text.len() < LARGEST),
            }
            if text.last() == Some(&END) {
                text.pop();
                return Ok(true);
            }
            more = tokio::time::timeout(QUIET, read_some(&pipe, text)).await;
        }
    }

    /// Has `faulthandler` write them, unless the component has put an end to that: the signal would
    /// then end the process.
    #[cfg(target_os = "linux")]
    fn signal(&self) -> io::Result<()> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let mut lines = status.lines();
        let caught = lines.find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = caught.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
        let bit = 1_u64 << (Signal::STKFLT.as_raw() - 1);
        if caught.is_none_or(|set| set & bit == 0) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(kill_process(self.pid, Signal::STKFLT)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn signal(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Throws away what came too late for the last time.
fn discard(pipe: &pipe::Receiver) -> io::Result<()> {
    let mut left = [0; 4096];
    loop {
        match pipe.try_read(&mut left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Reads what is there; `false` when there is nothing more, or no room for it.
async fn read_some(pipe: &pipe::Receiver, text: &mut Vec<u8>) -> io::Result<bool> {
    let mut part = [0; 4096];
    let room = part.len().min(LARGEST - text.len());
    if room == 0 {
        return Ok(false);
    }
    loop {
        pipe.ready(Interest::READABLE).await?;
        match pipe.try_read(&mut part[..room]) {
            Ok(read) => {
                text.extend_from_slice(&part[..read]);
                return Ok(read > 0);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
