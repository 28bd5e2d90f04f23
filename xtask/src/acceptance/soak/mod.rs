//! Steady load for minutes, below which workers are recycled, reloaded and killed: nothing may be
//! lost, and nothing of the server may grow.

mod load;
mod samples;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use streeling_testkit::{Server, Signal};

use self::load::Load;
use self::samples::{Sample, Samples, children};
use super::server;
use crate::shell::{root, say};
use crate::venv;

/// Between two samples.
const PAUSE: Duration = Duration::from_secs(10);

/// Caches, pools and the first of every kind of event belong to no quarter.
const WARM_UP: Duration = Duration::from_secs(20);

/// A worker is killed so often, and all are replaced so often.
const KILL: Duration = Duration::from_secs(7);
const RELOAD: Duration = Duration::from_secs(31);

/// Requests that a worker has at once.
const THREADS: usize = 2;

/// What the kills and reloads did.
#[derive(Default)]
struct Events {
    kills: usize,
    reloads: usize,
}

/// Runs the soak for so many minutes.
pub(super) fn run(minutes: u64) -> anyhow::Result<String> {
    let program = server::build()?;
    let python = venv::RUNTIME.ensure()?;
    let folder = root().join("tests/components");
    let mut server = server::command(&program, &python, &folder, "Steady")
        .env("GRPC_WORKERS", "2")
        .args(["--workers", "2", "--threads", &THREADS.to_string()])
        .args(["--max-requests", "400", "--max-requests-jitter", "50"])
        .start()?;
    let load = Load::start(server.address(), server.grpc_address())?;
    let (samples, events) = observe(&server, &load, Duration::from_secs(60 * minutes))?;
    let tally = load.end()?;
    say(format_args!("{samples}"));
    ensure!(
        tally.lost.is_empty(),
        "{} requests were lost:\n{}",
        tally.lost.len(),
        tally.lost.join("\n")
    );
    // A request that is in a killed worker gets an error that says so, and no other does.
    let most = events.kills * THREADS;
    ensure!(
        tally.unavailable <= most,
        "{} requests got an error, at most {most} were in the {} killed workers",
        tally.unavailable,
        events.kills
    );
    samples.check()?;
    server.signal(Signal::TERM)?;
    let status = server
        .wait(Duration::from_secs(30))
        .context("the server does not end")?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(format!(
        "{} responses, {} errors in {} killed workers, {} reloads",
        tally.succeeded, tally.unavailable, events.kills, events.reloads
    ))
}

fn observe(server: &Server, load: &Load, length: Duration) -> anyhow::Result<(Samples, Events)> {
    let start = Instant::now();
    let mut samples = Samples::default();
    let mut events = Events::default();
    let (mut sample_at, mut kill_at, mut reload_at) = (WARM_UP, KILL, RELOAD);
    while start.elapsed() < length + WARM_UP {
        std::thread::sleep(Duration::from_millis(100));
        ensure!(load.is_complete(), "a client has ended by itself");
        let now = start.elapsed();
        if now >= kill_at {
            kill_at = now + KILL;
            let workers = children(server.pid())?;
            // Another one each time.
            if let Some(&worker) = workers.get(events.kills % workers.len().max(1)) {
                events.kills += usize::from(kill(worker));
            }
        }
        if now >= reload_at {
            reload_at = now + RELOAD;
            server.signal(Signal::HUP)?;
            events.reloads += 1;
        }
        if now >= sample_at {
            sample_at = now + PAUSE;
            let sample = Sample::of(server.pid())?;
            let tally = load.tally();
            say(format_args!(
                "   {:>4} s: {} responses, {} errors, {} lost; {sample}",
                now.as_secs(),
                tally.succeeded,
                tally.unavailable,
                tally.lost.len()
            ));
            samples.push(sample);
        }
    }
    Ok((samples, events))
}

/// Kills a process; one that has ended by itself meanwhile was not killed.
fn kill(pid: u32) -> bool {
    std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
