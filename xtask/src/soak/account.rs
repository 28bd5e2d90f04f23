//! The account: what became of every request, which faults were injected, and whether the errors
//! are those that the faults explain.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use tonic::Code;

use super::call::{Call, SECOND};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Transport {
    Rest,
    Grpc,
}

/// What an error says, in a form that `docs/operations.md` promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// The worker is gone: 503, UNAVAILABLE.
    Lost,
    /// The deadline has passed: 504, `DEADLINE_EXCEEDED`.
    Late,
    /// There is no room: 503, `RESOURCE_EXHAUSTED`, either with the time of another try.
    Busy,
    /// The component raised: 500, UNKNOWN.
    Raised,
}

/// How a request ended.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// With the right response.
    Right,
    /// With an error and its text.
    Refused(Refusal, String),
    /// By the client's own choice: it went away.
    Vanished,
    /// The same, before all of it was sent.
    Cut,
    /// In any other way.
    Broken(String),
}

/// What was done to the server, and which errors that explains.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// The pool that it hits; `None` for both.
    pub(super) pool: Option<Transport>,
    /// The worker that it hits, where that is known beforehand.
    pub(super) pid: Option<u32>,
    /// The request that does it, which shows the worker in the ledger.
    pub(super) number: Option<u64>,
    pub(super) allows: &'static [Refusal],
    pub(super) from: Instant,
    /// `None` while it lasts.
    pub(super) to: Option<Instant>,
}

/// Which fault; what has been added gets one.
#[derive(Clone, Copy, Debug)]
pub(super) struct FaultId(usize);

/// A fault reaches a little farther than its moment: the server and this clock see it later.
const MARGIN: Duration = Duration::from_secs(3);

#[derive(Default)]
pub(super) struct Account(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// By the number of the request; none has number 0.
    states: Vec<State>,
    tally: Tally,
    failed: Vec<Failed>,
    faults: Vec<Fault>,
    broken: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Right,
    Failed,
    Vanished,
    Cut,
}

struct Failed {
    transport: Transport,
    number: u64,
    refusal: Refusal,
    text: String,
    sent: Instant,
    ended: Instant,
}

/// Counts by transport, size and outcome.
pub(super) type Tally = BTreeMap<(Transport, &'static str), BTreeMap<String, u64>>;

/// What the account comes to.
pub(super) struct Settlement {
    pub(super) tally: Tally,
    pub(super) faults: BTreeMap<&'static str, u64>,
    pub(super) executed: u64,
    /// Everything that no fault explains.
    pub(super) objections: Vec<String>,
}

/// A request under way.
pub(super) struct Entry {
    transport: Transport,
    pub(super) number: u64,
    size: &'static str,
    sent: Instant,
}

impl Account {
    /// The number of a new request.
    pub(super) fn number(&self) -> u64 {
        let mut inner = self.lock();
        inner.states.push(State::Open);
        inner.states.len() as u64
    }

    /// Opens the entry of a request that is about to be sent.
    pub(super) fn open(&self, transport: Transport, call: &Call) -> Entry {
        Entry {
            transport,
            number: call.number,
            size: bucket(call.size()),
            sent: Instant::now(),
        }
    }

    /// Closes it.
    pub(super) fn close(&self, entry: &Entry, ended: Ended) {
        let mut inner = self.lock();
        let (state, word) = match &ended {
            Ended::Right => (State::Right, "right".to_owned()),
            Ended::Refused(refusal, _) => (State::Failed, refusal.to_string()),
            Ended::Vanished => (State::Vanished, "client gone".to_owned()),
            Ended::Cut => (State::Cut, "half sent".to_owned()),
            Ended::Broken(_) => (State::Failed, "WRONG".to_owned()),
        };
        let key = (entry.transport, entry.size);
        *inner.tally.entry(key).or_default().entry(word).or_default() += 1;
        let place = (entry.number - 1) as usize;
        let before = std::mem::replace(&mut inner.states[place], state);
        if before != State::Open {
            let number = entry.number;
            inner.broken.push(format!("{number} was ended twice"));
        }
        match ended {
            Ended::Refused(refusal, text) => inner.failed.push(Failed {
                transport: entry.transport,
                number: entry.number,
                refusal,
                text,
                sent: entry.sent,
                ended: Instant::now(),
            }),
            Ended::Broken(text) => {
                let (transport, number) = (entry.transport, entry.number);
                inner.broken.push(format!("{transport} {number}: {text}"));
            }
            Ended::Right | Ended::Vanished | Ended::Cut => {}
        }
    }

    /// A complaint that belongs to no request.
    pub(super) fn object(&self, text: String) {
        self.lock().broken.push(text);
    }

    /// Notes a fault that is about to be injected.
    pub(super) fn fault(&self, fault: Fault) -> FaultId {
        let mut inner = self.lock();
        inner.faults.push(fault);
        FaultId(inner.faults.len() - 1)
    }

    /// Notes that its consequences are over.
    pub(super) fn is_over(&self, id: FaultId) {
        self.lock().faults[id.0].to = Some(Instant::now());
    }

    /// Takes a fault back that could not be injected.
    pub(super) fn withdraw(&self, id: FaultId) {
        self.lock().faults[id.0].name = WITHDRAWN;
    }

    /// Right responses, errors, and what is wrong, so far.
    pub(super) fn progress(&self) -> (u64, usize, usize, usize) {
        let inner = self.lock();
        let right = inner.tally.values().filter_map(|ended| ended.get("right"));
        let faults = inner.faults.iter().filter(|one| one.name != WITHDRAWN);
        let counts = (inner.failed.len(), inner.broken.len());
        (right.sum(), counts.0, counts.1, faults.count())
    }

    /// Compares everything with everything, and with the calls that the component has noted.
    pub(super) fn settle(&self, ledger: &Path) -> anyhow::Result<Settlement> {
        let calls = Ledger::read(ledger)?;
        let mut inner = self.lock();
        let mut objections = std::mem::take(&mut inner.broken);
        for fault in &mut inner.faults {
            // The request that did it shows which worker it was.
            fault.pid = fault.pid.or_else(|| calls.worker(fault.number?));
        }
        for (place, state) in inner.states.iter().enumerate() {
            let number = place as u64 + 1;
            let count = calls.count(number);
            let fault = match state {
                State::Open => "was sent and never ended",
                State::Right if count == 0 => "has a response that no call made",
                State::Cut if count > 0 => "was run, and half of it had been sent",
                _ if count > 1 => "was run twice",
                _ => continue,
            };
            objections.push(format!("request {number} {fault}"));
        }
        let known = inner.states.len() as u64;
        for number in calls.0.keys().filter(|&&number| number % SECOND > known) {
            objections.push(format!("call {number} belongs to no request"));
        }
        for failed in &inner.failed {
            let pid = calls.worker(failed.number);
            if !inner.faults.iter().any(|fault| fault.explains(failed, pid)) {
                objections.push(format!(
                    "{} {}: {}, and no fault explains it: {} ({} ms, worker {pid:?})",
                    failed.transport,
                    failed.number,
                    failed.refusal,
                    failed.text,
                    (failed.ended - failed.sent).as_millis(),
                ));
            }
        }
        let mut faults = BTreeMap::new();
        for fault in inner.faults.iter().filter(|one| one.name != WITHDRAWN) {
            *faults.entry(fault.name).or_default() += 1;
        }
        Ok(Settlement {
            tally: inner.tally.clone(),
            faults,
            executed: calls.0.values().map(|calls| calls.len() as u64).sum(),
            objections,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const WITHDRAWN: &str = "";

impl Fault {
    /// Whether it can have caused this error of a request that was run in this worker, if in any.
    fn explains(&self, failed: &Failed, pid: Option<u32>) -> bool {
        let to = self.to.map(|to| to + MARGIN);
        self.name != WITHDRAWN
            && self.allows.contains(&failed.refusal)
            && self.pool.is_none_or(|pool| pool == failed.transport)
            && failed.ended >= self.from
            && to.is_none_or(|to| failed.sent <= to)
            && (pid.is_none() || self.pid.is_none() || pid == self.pid)
    }
}

/// The process ids of the calls, by the number of the request.
struct Ledger(BTreeMap<u64, Vec<u32>>);

impl Ledger {
    fn read(path: &Path) -> anyhow::Result<Self> {
        const ENTRY: usize = 16;
        let bytes = fs::read(path).context("no ledger of calls")?;
        ensure!(bytes.len() % ENTRY == 0, "the ledger is torn");
        let mut calls = BTreeMap::<u64, Vec<u32>>::new();
        for entry in bytes.chunks_exact(ENTRY) {
            let (number, rest) = entry.split_at(8);
            let number = u64::from_le_bytes(number.try_into()?);
            let pid = u32::from_le_bytes(rest[..4].try_into()?);
            calls.entry(number).or_default().push(pid);
        }
        Ok(Self(calls))
    }

    /// The most that one of its messages was run.
    fn count(&self, number: u64) -> usize {
        let count = |number| self.0.get(&number).map_or(0, Vec::len);
        count(number).max(count(number + SECOND))
    }

    fn worker(&self, number: u64) -> Option<u32> {
        self.0.get(&number)?.first().copied()
    }
}

/// The class of a size, for the tables.
fn bucket(size: usize) -> &'static str {
    match size {
        0..100 => "1: below 100 B",
        100..1_000 => "2: below 1 KB",
        1_000..64_000 => "3: below 64 KB",
        64_000..1_000_000 => "4: below 1 MB",
        1_000_000..10_000_000 => "5: below 10 MB",
        _ => "6: to 50 MB",
    }
}

impl Refusal {
    /// What an error is, by the status and the reason that REST gives it: none where these do not
    /// belong together.
    pub(super) fn of_rest(status: u16, reason: &str) -> Option<Self> {
        let rows = REFUSALS.iter();
        let mut rows = rows.filter(|(known, ..)| *known == reason);
        rows.find_map(|&(_, right, _, refusal)| (right == status).then_some(refusal))
    }

    /// The same by the code and the details over gRPC, in which the reason stands as text.
    pub(super) fn of_grpc(code: Code, details: &[u8]) -> Option<Self> {
        let stands = |reason: &str| {
            let mut windows = details.windows(reason.len());
            windows.any(|window| window == reason.as_bytes())
        };
        let mut rows = REFUSALS.iter().filter(|(_, _, right, _)| *right == code);
        rows.find_map(|&(reason, .., refusal)| stands(reason).then_some(refusal))
    }
}

/// What belongs together: reason, status, code.
const REFUSALS: [(&str, u16, Code, Refusal); 5] = [
    (
        "MICROSERVICE_WORKER_LOST",
        503,
        Code::Unavailable,
        Refusal::Lost,
    ),
    (
        "MICROSERVICE_DEADLINE_EXCEEDED",
        504,
        Code::DeadlineExceeded,
        Refusal::Late,
    ),
    (
        "MICROSERVICE_QUEUE_FULL",
        503,
        Code::ResourceExhausted,
        Refusal::Busy,
    ),
    (
        "MICROSERVICE_MEMORY_FULL",
        503,
        Code::ResourceExhausted,
        Refusal::Busy,
    ),
    (
        "MICROSERVICE_INTERNAL_ERROR",
        500,
        Code::Unknown,
        Refusal::Raised,
    ),
];

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rest => "REST",
            Self::Grpc => "gRPC",
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "worker lost",
            Self::Late => "deadline",
            Self::Busy => "no room",
            Self::Raised => "raised",
        })
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
