//! The thread that starts processes.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Start {
    command: Command,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

/// Starts a process from a thread that lives as long as this process.
///
/// The system signals a child that its parent has died when the *thread* that started it ends, and
/// the threads of a runtime may end before the process does. Besides, a process that holds much
/// memory takes a while to fork, and meanwhile the runtime's threads have requests to serve.
pub(crate) async fn spawn(command: Command) -> io::Result<Child> {
    let (started, child) = oneshot::channel();
    let start = Start {
        command,
        runtime: Handle::current(),
        started,
    };
    starter()?.send(start).map_err(io::Error::other)?;
    child.await.map_err(io::Error::other)?
}

fn starter() -> io::Result<&'static Sender<Start>> {
    static STARTER: OnceLock<Sender<Start>> = OnceLock::new();
    if let Some(starter) = STARTER.get() {
        return Ok(starter);
    }
    let (sender, starts) = channel();
    std::thread::Builder::new()
        .name("starter".to_owned())
        .spawn(move || run(&starts))?;
    // Of two callers at the same time, the second one's thread ends with its channel, unused.
    Ok(STARTER.get_or_init(|| sender))
}

fn run(starts: &Receiver<Start>) {
    for mut start in starts {
        // The caller's runtime waits for the pipes and for the end of the child.
        let _guard = start.runtime.enter();
        // If the caller has gone, the child is dropped, which kills it.
        let _ = start.started.send(start.command.spawn());
    }
}
