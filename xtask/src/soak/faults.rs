//! What is done to the server while it works.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};

use super::account::{Ended, Fault, FaultId, Refusal, Transport};
use super::call::Operation;
use super::grpc;
use super::load::{Shared, TIMEOUT_MS};
use super::rest::{self, Pace};
use crate::observe::{children, words_of};

/// The least memory that a worker is made to take, and the most, in MB.
const GROWTH: std::ops::Range<u64> = 20..200;

/// Half-sent bodies at once, and what each declares.
const BURST: usize = 12;
const DECLARED: usize = 40_000_000;

/// A worker that is stopped for good must be replaced after the deadline of what is in it; this is
/// when waiting for that ends.
const REPLACED: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Kill,
    KillTemplate,
    Stop,
    StopBriefly,
    Request(Operation),
    Reload,
    Burst,
}

/// Each, and how often of a hundred.
const KINDS: [(Kind, u32); 11] = [
    (Kind::Kill, 18),
    (Kind::KillTemplate, 4),
    (Kind::Stop, 3),
    (Kind::StopBriefly, 15),
    (Kind::Request(Operation::Exit), 10),
    (Kind::Request(Operation::Garbage), 18),
    (Kind::Request(Operation::Hang), 4),
    (Kind::Request(Operation::Grow), 10),
    (Kind::Request(Operation::Lock), 6),
    (Kind::Reload, 8),
    (Kind::Burst, 4),
];

/// Injects faults, each some `period` after the other, into the server of this process id.
pub(super) fn start(
    shared: &Arc<Shared>,
    mut random: fastrand::Rng,
    server: u32,
    period: Duration,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    std::thread::spawn(move || {
        let mut running: Vec<JoinHandle<()>> = Vec::new();
        // Every kind once, in an order of their own, and then by chance.
        let mut first: Vec<Kind> = KINDS.iter().map(|(kind, _)| *kind).collect();
        random.shuffle(&mut first);
        loop {
            shared.pause(period.mul_f64(random.f64() + 0.5));
            if !shared.goes_on() {
                break;
            }
            let kind = first.pop().unwrap_or_else(|| draw(&mut random));
            let (shared, mut random) = (Arc::clone(&shared), random.fork());
            running.retain(|one| !one.is_finished());
            running.push(std::thread::spawn(move || {
                if let Err(error) = inject(&shared, &mut random, server, kind) {
                    shared.account.object(format!("{kind:?}: {error:#}"));
                }
            }));
        }
        for one in running {
            if one.join().is_err() {
                shared.account.object("a fault panicked".to_owned());
            }
        }
    })
}

fn draw(random: &mut fastrand::Rng) -> Kind {
    let all: u32 = KINDS.iter().map(|(_, share)| share).sum();
    let mut at = random.u32(..all);
    for (kind, share) in KINDS {
        if at < share {
            return kind;
        }
        at -= share;
    }
    Kind::Kill
}

fn inject(
    shared: &Shared,
    random: &mut fastrand::Rng,
    server: u32,
    kind: Kind,
) -> anyhow::Result<()> {
    match kind {
        Kind::Kill | Kind::Stop | Kind::StopBriefly => {
            let workers = workers(server)?;
            let Some(&(pid, pool)) = random.choice(&workers) else {
                return Ok(());
            };
            match kind {
                Kind::Kill => kill(shared, pid, pool),
                Kind::Stop => stop(shared, pid, pool),
                _ => stop_briefly(shared, pid, Duration::from_millis(random.u64(10..1500))),
            }
        }
        Kind::KillTemplate => {
            let name = |pid: &u32| words_of(*pid).iter().any(|word| word == "template");
            let template = children(server)?.into_iter().find(name);
            note(shared, "template killed", &[]);
            template.map_or(Ok(()), |pid| signal(pid, Signal::KILL).map(|_| ()))
        }
        Kind::Reload => {
            note(shared, "reload", &[]);
            signal(server, Signal::HUP).map(|_| ())
        }
        Kind::Request(operation) => request(shared, random, operation),
        Kind::Burst => burst(shared, random),
    }
}

fn kill(shared: &Shared, pid: u32, pool: Transport) -> anyhow::Result<()> {
    let fault = on_worker(shared, "worker killed", pid, pool, &[Refusal::Lost]);
    if !signal(pid, Signal::KILL)? {
        shared.account.withdraw(fault);
    }
    shared.account.is_over(fault);
    Ok(())
}

fn stop(shared: &Shared, pid: u32, pool: Transport) -> anyhow::Result<()> {
    let allows = &[Refusal::Late, Refusal::Lost];
    let fault = on_worker(shared, "worker stopped for good", pid, pool, allows);
    if !signal(pid, Signal::STOP)? {
        shared.account.withdraw(fault);
        shared.account.is_over(fault);
        return Ok(());
    }
    let since = Instant::now();
    while is_there(pid) && shared.goes_on() && since.elapsed() < REPLACED {
        std::thread::sleep(Duration::from_millis(100));
    }
    if is_there(pid) {
        signal(pid, Signal::CONT)?;
        if shared.goes_on() {
            let seconds = REPLACED.as_secs();
            let text = format!("worker {pid} was stopped and not replaced in {seconds} s");
            shared.account.object(text);
        }
    }
    shared.account.is_over(fault);
    Ok(())
}

/// Which no request may notice but by its time.
fn stop_briefly(shared: &Shared, pid: u32, length: Duration) -> anyhow::Result<()> {
    note(shared, "worker stopped briefly", &[]);
    if signal(pid, Signal::STOP)? {
        std::thread::sleep(length);
        signal(pid, Signal::CONT)?;
    }
    Ok(())
}

/// A request whose call does harm.
fn request(
    shared: &Shared,
    random: &mut fastrand::Rng,
    operation: Operation,
) -> anyhow::Result<()> {
    let (name, allows, argument): (_, &[Refusal], _) = match operation {
        Operation::Exit => ("worker ends itself", &[Refusal::Lost], random.u64(..2)),
        Operation::Garbage => (
            "garbage from a worker",
            // The call goes on where the server does not take offence, until its deadline.
            &[Refusal::Lost, Refusal::Late],
            random.u64(..5),
        ),
        Operation::Hang => ("call hangs", &[Refusal::Late, Refusal::Lost], 0),
        Operation::Grow => ("worker grows", &[], random.u64(GROWTH)),
        _ => ("interpreter lock held", &[], random.u64(30..120)),
    };
    let call = shared.call(random, operation, argument, 1000);
    let pool = *random
        .choice(&[Transport::Rest, Transport::Grpc])
        .expect("there are two");
    let fault = shared.account.fault(Fault {
        name,
        pool: Some(pool),
        pid: None,
        number: Some(call.number),
        allows,
        from: Instant::now(),
        to: None,
    });
    let entry = shared.account.open(pool, &call);
    let ended = match pool {
        Transport::Rest => {
            let mut client = rest::Client::new(shared.rest);
            client.call(&call, &shared.material, Pace::Fast)
        }
        Transport::Grpc => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(async {
                let client = grpc::Client::connect(shared.grpc).await?;
                anyhow::Ok(client.call(&call, &shared.material).await)
            })?,
    };
    let harmful = !allows.is_empty();
    if harmful && matches!(ended, Ended::Right) {
        let text = format!("{operation:?} of {} has a response", call.number);
        shared.account.object(text);
    }
    shared.account.close(&entry, ended);
    if operation == Operation::Hang {
        // The thread is stuck until its worker has been replaced, and what lies behind the call
        // may wait as long.
        std::thread::sleep(Duration::from_millis(TIMEOUT_MS / 2));
    }
    shared.account.is_over(fault);
    Ok(())
}

/// Large bodies of which only a part comes, and then nothing.
fn burst(shared: &Shared, random: &mut fastrand::Rng) -> anyhow::Result<()> {
    note(shared, "burst of half-sent bodies", &[]);
    let mut streams = Vec::new();
    let part = vec![b' '; shared.largest.min(DECLARED / 2)];
    for _ in 0..BURST {
        let mut stream = TcpStream::connect_timeout(&shared.rest, rest::TIMEOUT)
            .context("no connection for a burst")?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        // What does not fit may be refused, as far as it has come.
        drop(stream.write_all(rest::head("/predict", DECLARED).as_bytes()));
        drop(stream.write_all(&part));
        streams.push(stream);
    }
    shared.pause(Duration::from_millis(random.u64(100..3000)));
    Ok(())
}

fn on_worker(
    shared: &Shared,
    name: &'static str,
    pid: u32,
    pool: Transport,
    allows: &'static [Refusal],
) -> FaultId {
    shared.account.fault(Fault {
        name,
        pool: Some(pool),
        pid: Some(pid),
        number: None,
        allows,
        from: Instant::now(),
        to: None,
    })
}

/// A fault that hits no particular worker, and is over at once.
fn note(shared: &Shared, name: &'static str, allows: &'static [Refusal]) {
    let now = Instant::now();
    shared.account.fault(Fault {
        name,
        pool: None,
        pid: None,
        number: None,
        allows,
        from: now,
        to: Some(now),
    });
}

/// The workers and their pools.
fn workers(server: u32) -> anyhow::Result<Vec<(u32, Transport)>> {
    let pool = |pid: u32| {
        let words = words_of(pid);
        let is = |name: &str| words.iter().any(|word| word == name);
        match (is("template"), is("REST"), is("gRPC")) {
            (false, true, _) => Some((pid, Transport::Rest)),
            (false, _, true) => Some((pid, Transport::Grpc)),
            _ => None,
        }
    };
    Ok(children(server)?.into_iter().filter_map(pool).collect())
}

fn is_there(pid: u32) -> bool {
    !words_of(pid).is_empty()
}

/// Whether the process was there to get it.
fn signal(pid: u32, signal: Signal) -> anyhow::Result<bool> {
    let pid = Pid::from_raw(pid.try_into()?).context("no process id")?;
    match kill_process(pid, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
