//! Serves one worker: moves its frames until it ends.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use crate::connection::Limits;
use crate::dispatch::ConnectionId;
use crate::exit::{EXIT_TIMEOUT, ExitCause, WorkerExit};
use crate::handle::{KillReason, WorkerHandle};
use crate::process::KILLED_TIMEOUT;
use crate::registry::Registry;
use crate::worker::Worker;

/// A worker that has served for so long, or has responded, does not count as a failed start.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Responses that a worker has written before its end are there at once; this bounds the reading of
/// them where a process that it started, in a group of its own, keeps the sockets open.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Serves a worker until it ends, breaks the protocol, is stuck, or has been retired and has ended
/// in order. Then it has been removed from the registry. Responses beyond the limits come as their
/// header alone.
pub(crate) async fn serve(
    registry: Arc<Registry>,
    handle: Arc<WorkerHandle>,
    mut worker: Worker,
    limits: Limits,
) -> WorkerExit {
    let since = Instant::now();
    let mut connections = JoinSet::new();
    for thread in 0..worker.connections.len() {
        let registry = Arc::clone(&registry);
        let all = Arc::clone(&worker.connections);
        let slot = handle.slot;
        let limits = limits.clone();
        let id = ConnectionId {
            worker: handle.id,
            thread,
        };
        connections.spawn(async move {
            let connection = &all[thread];
            let take = |batch| registry.complete(slot, id, batch);
            tokio::select! {
                result = connection.read(limits, take) => result,
                () = connection.write() => Ok(()),
            }
        });
    }
    let cause = tokio::select! {
        ended = connections.join_next() => match flatten(ended) {
            Ok(()) => ExitCause::Unexpected,
            Err(fault) => ExitCause::Fault(fault),
        },
        // A process that the component has started may hold the sockets open.
        _ = worker.process.wait() => ExitCause::Unexpected,
        reason = handle.kill.made() => ExitCause::Killed(reason),
        () = handle.drained.notified() => end(&mut worker, &mut connections).await,
    };
    registry.retire(handle.id);
    worker.process.kill();
    let rest = async { while connections.join_next().await.is_some() {} };
    if !matches!(cause, ExitCause::Drained) {
        // What has not been read by then counts as lost.
        let _ = tokio::time::timeout(DRAIN_TIMEOUT, rest).await;
    }
    let (killed, has_died) = match cause {
        ExitCause::Killed(reason) => (Some(reason), reason != KillReason::Abandoned),
        ExitCause::Unexpected | ExitCause::Fault(_) => (None, true),
        ExitCause::Drained | ExitCause::ExitTimeout => (None, false),
    };
    let left = registry.remove(handle.id, killed, has_died);
    WorkerExit {
        worker: handle.id,
        was_stable: left.has_responded || since.elapsed() >= STABLE_AFTER,
        requests: left.requests,
        suspect: left.suspect,
        cause,
        status: worker.process.wait_killed(KILLED_TIMEOUT).await,
    }
}

/// Tells every thread of a worker that no more requests come, and waits for the process to end.
async fn end(worker: &mut Worker, connections: &mut JoinSet<io::Result<()>>) -> ExitCause {
    for connection in &*worker.connections {
        connection.close();
    }
    let closed = async {
        while let Some(ended) = connections.join_next().await {
            flatten(Some(ended))?;
        }
        Ok::<_, io::Error>(())
    };
    let process = &mut worker.process;
    let ended = async {
        tokio::select! {
            // A process that the component has started may hold the sockets open, and nothing is
            // in flight.
            status = process.ended() => return status,
            closed = closed => closed?,
        }
        process.wait().await
    };
    match tokio::time::timeout(EXIT_TIMEOUT, ended).await {
        Ok(Ok(_)) => ExitCause::Drained,
        Ok(Err(fault)) => ExitCause::Fault(fault),
        Err(_) => ExitCause::ExitTimeout,
    }
}

/// How a connection's task ended.
fn flatten(ended: Option<Result<io::Result<()>, JoinError>>) -> io::Result<()> {
    ended.unwrap_or(Ok(Ok(()))).map_err(io::Error::other)?
}
