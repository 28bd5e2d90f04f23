//! The duties of the first process of a container.
//!
//! What a component starts and leaves behind becomes a child of process 1 when its worker ends, and
//! stays a zombie until process 1 waits for it. The server cannot wait for any child: it would take
//! the exit statuses of its own workers from the tasks that wait for them. So as process 1 it
//! starts itself once more, and only waits, passes signals on, and exits as the server does.

use std::fmt;
use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitCode};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that the server handles.
const FORWARDED: [Signal; 8] = [
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
    Signal::HUP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::USR1,
    Signal::USR2,
];

/// Those of them that a process is to end at, whatever it does.
const ENDING: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];

/// A signal for a server that does not handle it yet is sent again after this time.
const PAUSE: Duration = Duration::from_millis(20);

/// Why process 1 cannot do its part.
#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("cannot start the runtime: {0}")]
    Runtime(#[source] io::Error),
    #[error("cannot listen for signals: {0}")]
    Signals(#[source] io::Error),
    #[error("cannot find the program of this process (is /proc mounted?): {0}")]
    Program(#[source] io::Error),
    #[error("cannot start the server: {0}")]
    Start(#[source] io::Error),
    #[error("cannot wait for the server: {0}")]
    Wait(#[source] io::Error),
}

/// Does what process 1 has to do, and returns the exit code when the server has ended; `None` in
/// any other process. What goes wrong is written to standard error, since there is no log yet.
pub fn first_process() -> Option<ExitCode> {
    if std::process::id() != 1 {
        return None;
    }
    let code = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(InitError::Runtime)
        .and_then(|runtime| runtime.block_on(serve_and_reap()));
    Some(code.map_or_else(
        |error| {
            complain(format_args!("cannot run as process 1: {error}"));
            ExitCode::FAILURE
        },
        ExitCode::from,
    ))
}

async fn serve_and_reap() -> Result<u8, InitError> {
    // Before the start, so that no signal and no exit is missed.
    let mut exited = signal(SignalKind::child()).map_err(InitError::Signals)?;
    let (sender, mut received) = mpsc::unbounded_channel();
    for kind in FORWARDED {
        let mut signals =
            signal(SignalKind::from_raw(kind.as_raw())).map_err(InitError::Signals)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(kind).is_ok() {}
        });
    }
    let server = pid(&start()?)?;
    loop {
        tokio::select! {
            Some(kind) = received.recv() => {
                if !ENDING.contains(&kind) && !handles(server, kind) {
                    // It starts, and would end.
                    let again = sender.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(PAUSE).await;
                        // There is no receiver once the server has ended.
                        let _ = again.send(kind);
                    });
                    continue;
                }
                // The server may have exited already; the next turn sees that.
                let _ = kill_process(server, kind);
            }
            _ = exited.recv() => {
                while let Some((pid, status)) = wait(WaitOptions::NOHANG)
                    .map_err(|error| InitError::Wait(error.into()))?
                {
                    if pid == server {
                        return Ok(exit_code(status));
                    }
                }
            }
        }
    }
}

fn start() -> Result<Child, InitError> {
    let mut arguments = std::env::args_os();
    let mut server = Command::new(std::env::current_exe().map_err(InitError::Program)?);
    // The name says which defaults count.
    if let Some(name) = arguments.next() {
        server.arg0(name);
    }
    server.args(arguments).spawn().map_err(InitError::Start)
}

fn pid(child: &Child) -> Result<Pid, InitError> {
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| InitError::Start(io::Error::other("a process without an id")))
}

/// Whether a process handles or ignores a signal, as far as the system says.
fn handles(process: Pid, signal: Signal) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else {
        return true;
    };
    let has = |name: &str| {
        let mut lines = status.lines();
        let set = lines.find_map(|line| line.strip_prefix(name))?;
        let set = u64::from_str_radix(set.trim(), 16).ok()?;
        Some(set & (1 << (signal.as_raw() - 1)) != 0)
    };
    has("SigCgt:").unwrap_or(true) || has("SigIgn:").unwrap_or(true)
}

/// The exit code of the server; for a signal the one that a shell reports.
fn exit_code(status: WaitStatus) -> u8 {
    let code = match status.terminating_signal() {
        Some(signal) => {
            // The server can have said nothing about it.
            complain(format_args!("the server was killed by signal {signal}"));
            128 + signal
        }
        None => status.exit_status().unwrap_or(1),
    };
    u8::try_from(code).unwrap_or(u8::MAX)
}

fn complain(text: fmt::Arguments<'_>) {
    // Where standard error is closed, nothing can be said.
    let _ = writeln!(io::stderr(), "streeling: {text}");
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_process_handles_what_it_catches_or_ignores() {
        // Rust's programs ignore PIPE, and none catches STKFLT.
        let own = rustix::process::getpid();
        assert!(handles(own, Signal::PIPE));
        assert!(!handles(own, Signal::STKFLT));
        crate::control::hold_signals();
        assert!(handles(own, Signal::TTIN));
        let gone = Pid::from_raw(i32::MAX).unwrap();
        assert!(handles(gone, Signal::TTIN));
    }
}
