//! The thread that starts processes.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

type Start = Box<dyn FnOnce() + Send>;

/// Starts a process from a thread that lives as long as this process.
///
/// The system signals a child that its parent has died when the *thread* that started it ends, and
/// the threads of a runtime may end before the process does. Besides, a process that holds much
/// memory takes a while to fork, and meanwhile the runtime's threads have requests to serve.
pub(crate) async fn spawn<T: Send + 'static>(
    start: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (started, process) = oneshot::channel();
    let runtime = Handle::current();
    let start = Box::new(move || {
        // The caller's runtime waits for the pipes and for the end of the process.
        let _guard = runtime.enter();
        // If the caller has gone, the process is dropped, which kills it.
        let _ = started.send(start());
    });
    // Where the thread has ended, the other end of this has ended with it.
    let _ = starter()?.send(start);
    process.await.map_err(io::Error::other)?
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
    for start in starts {
        start();
    }
}
