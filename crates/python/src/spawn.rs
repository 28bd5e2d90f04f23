//! The thread that starts processes.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

struct Job {
    command: Command,
    runtime: Handle,
    started: oneshot::Sender<io::Result<Child>>,
}

/// Starts a process from a thread that lives as long as this process.
///
/// The system tells a child of its parent's death when the *thread* that started it ends, and the
/// threads of a runtime may end before it does. Besides, a process that holds much memory takes a
/// while to fork, and meanwhile the runtime's threads have requests to serve.
pub(crate) async fn spawn(command: Command) -> io::Result<Child> {
    let (started, child) = oneshot::channel();
    let job = Job {
        command,
        runtime: Handle::current(),
        started,
    };
    starter()?.send(job).map_err(io::Error::other)?;
    child.await.map_err(io::Error::other)?
}

fn starter() -> io::Result<&'static Sender<Job>> {
    static STARTER: OnceLock<Sender<Job>> = OnceLock::new();
    if let Some(starter) = STARTER.get() {
        return Ok(starter);
    }
    let (sender, jobs) = channel();
    std::thread::Builder::new()
        .name("starter".to_owned())
        .spawn(move || run(&jobs))?;
    // Where two ask at once, the thread of the second one ends with its channel, unused.
    Ok(STARTER.get_or_init(|| sender))
}

fn run(jobs: &Receiver<Job>) {
    for mut job in jobs {
        // The pipes and the end of the child are looked after by the caller's runtime.
        let _inside = job.runtime.enter();
        // A caller that has left drops the child, which kills it.
        let _ = job.started.send(job.command.spawn());
    }
}
