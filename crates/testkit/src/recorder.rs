//! An observer that remembers.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use streeling_core::{Answered, Call, Head, Headers, Observer, Stage, Trace, Transport};
use tokio::time::sleep;

/// Remembers every request that has ended. It samples all of them, so that each stage is recorded.
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
    /// The operation, as metrics name it.
    pub label: &'static str,
    /// The same, as traces name it.
    pub operation: &'static str,
    /// The transport's code.
    pub code: String,
    /// Whether it is an error of the server.
    pub is_fault: bool,
    /// Bytes of the request's body.
    pub received: u64,
    /// Bytes of the response's.
    pub sent: u64,
    /// The stages that were recorded.
    pub stages: Vec<&'static str>,
    /// What was requested, and by whom.
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

    fn answered(&self, call: &Call, outcome: &Answered) {
        let stages = [Stage::Decode, Stage::Queue, Stage::Component, Stage::Encode];
        let subject = call.subject();
        let seen = Seen {
            transport: call.transport.name,
            id: call.id.to_string(),
            label: subject.label,
            operation: subject.operation,
            code: outcome.code.to_string(),
            is_fault: outcome.code.is_fault,
            received: call.received(),
            sent: outcome.bytes,
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
