//! An observer that remembers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streeling_core::{Answered, Call, Head, Headers, Observer, Stage, Trace, Transport};
use tokio::time::sleep;

/// Remembers every request that has ended. It samples all of them, so that each stage is noted.
#[derive(Debug, Default)]
pub struct Recorder {
    seen: Mutex<Vec<Seen>>,
}

/// A request as it was observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The transport's name.
    pub transport: &'static str,
    /// The request's id.
    pub id: String,
    /// What it asked for, as metrics have it.
    pub label: &'static str,
    /// The same, as traces have it.
    pub operation: &'static str,
    /// The transport's code.
    pub code: String,
    /// Whether the server is to blame.
    pub is_fault: bool,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the answer's.
    pub sent: u64,
    /// The stages that were noted.
    pub stages: Vec<&'static str>,
    /// What it looked like.
    pub head: Head,
}

impl Recorder {
    /// Everything so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().clone()
    }

    /// The last request; waits for one if there was none yet.
    pub async fn last(&self) -> Seen {
        loop {
            if let Some(last) = self.lock().last() {
                return last.clone();
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn begun(&self, _: &'static Transport, _: Headers<'_>) -> Option<Trace> {
        Some(Trace {
            trace_id: 1,
            parent: None,
            span: 2,
            component: 3,
            sampled: true,
        })
    }

    fn wants_head(&self, _: Option<Trace>) -> bool {
        true
    }

    fn answered(&self, call: &Call, answer: &Answered) {
        let stages = [Stage::Decode, Stage::Queue, Stage::Component, Stage::Encode];
        let subject = call.subject();
        let seen = Seen {
            transport: call.transport.name,
            id: call.id.to_string(),
            label: subject.label,
            operation: subject.operation,
            code: answer.code.to_string(),
            is_fault: answer.code.is_fault,
            received: call.received(),
            sent: answer.bytes,
            stages: stages
                .into_iter()
                .filter(|stage| call.stage(*stage).is_some())
                .map(Stage::name)
                .collect(),
            head: call.head.as_deref().cloned().unwrap_or_default(),
        };
        self.lock().push(seen);
    }
}
