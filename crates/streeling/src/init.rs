//! What the first process of a container owes the others.
//!
//! Whatever a component starts and leaves behind becomes a child of process 1 when its worker ends, and stays a
//! zombie until process 1 asks for it. The server cannot ask: it would take the ends of its own
//! workers away from those who wait for them. So as process 1 it starts itself once more, and does
//! nothing but ask, hand signals on, and end as that one ends.

use std::io;
use std::process::{Child, Command, ExitCode};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// The signals that the server knows.
const HANDED_ON: [Signal; 8] = [
    Signal::TERM,
    Signal::INT,
    Signal::QUIT,
    Signal::HUP,
    Signal::TTIN,
    Signal::TTOU,
    Signal::USR1,
    Signal::USR2,
];

/// Does what process 1 has to do, and gives the exit code when the server has ended; `None` in any
/// other process.
pub fn first_process() -> Option<ExitCode> {
    if std::process::id() != 1 {
        return None;
    }
    let code = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .and_then(|runtime| runtime.block_on(serve_and_reap()));
    Some(code.map_or_else(
        |error| {
            tracing::error!("cannot run as process 1: {error}");
            ExitCode::FAILURE
        },
        ExitCode::from,
    ))
}

async fn serve_and_reap() -> io::Result<u8> {
    // Before the start, so that no signal and no end is missed.
    let mut ended = signal(SignalKind::child())?;
    let (sender, mut received) = mpsc::unbounded_channel();
    for kind in HANDED_ON {
        let mut signals = signal(SignalKind::from_raw(kind.as_raw()))?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() && sender.send(kind).is_ok() {}
        });
    }
    let server = pid(&start()?)?;
    loop {
        tokio::select! {
            Some(kind) = received.recv() => {
                // It may have ended; then that is what comes next.
                let _ = kill_process(server, kind);
            }
            _ = ended.recv() => {
                while let Some((who, status)) = wait(WaitOptions::NOHANG)? {
                    if who == server {
                        let killed = status.terminating_signal().map(|signal| 128 + signal);
                        let code = status.exit_status().or(killed).unwrap_or(1);
                        return Ok(u8::try_from(code).unwrap_or(u8::MAX));
                    }
                }
            }
        }
    }
}

fn start() -> io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .spawn()
}

fn pid(child: &Child) -> io::Result<Pid> {
    i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other("a process without an id"))
}
