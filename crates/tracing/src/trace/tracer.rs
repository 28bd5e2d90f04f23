//! The observer that records requests.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use streeling_core::{
    Answered, Call, Figures, Headers, Observer, Trace, Transport, unique_u64, unique_u128,
};

use super::carrier::Carrier;
use super::config::TracerConfig;
use super::export::{self, StartError};
use super::queue::Queue;
use super::record::Finished;
use super::sampler::Decider;

/// Decides which requests are recorded, and sends their spans away from a thread of its own. A request waits
/// for none of it.
#[derive(Debug)]
pub struct Tracer {
    carriers: Box<[Carrier]>,
    decider: Decider,
    follows_caller: bool,
    queue: Arc<Queue>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Tracer {
    /// Starts the thread. A backend that is not there is no error: it may come.
    ///
    /// # Errors
    ///
    /// [`StartError`] where the system gives no thread, or the exporter refuses its configuration.
    pub fn start(config: &TracerConfig) -> Result<Self, StartError> {
        let queue = Arc::new(Queue::new(config.limits));
        let ended = export::start(config, Arc::clone(&queue))?;
        Ok(Self {
            carriers: config.carriers.as_slice().into(),
            decider: Decider::new(config.sampling.sampler),
            follows_caller: config.sampling.follows_caller,
            queue,
            ended: Mutex::new(ended),
        })
    }

    /// `streeling_spans_exported_total`, and `streeling_spans_dropped_total` by `reason`: `queue_full` while
    /// more come than can be sent, `export_failed` for what the backend did not take.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let queue = Arc::clone(&self.queue);
        Arc::new(move |figures| queue.figures(figures))
    }

    /// Sends what waits and ends the thread. Blocks, but no longer than `timeout`, after which what is left is given
    /// up.
    pub fn stop(&self, timeout: Duration) {
        self.queue.end(timeout);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // Disconnected: it has ended.
        let _ = ended.recv_timeout(timeout);
    }
}

impl Observer for Tracer {
    fn begun(&self, _transport: &'static Transport, headers: Headers<'_>) -> Option<Trace> {
        let context = self
            .carriers
            .iter()
            .find_map(|carrier| carrier.read(headers));
        let ids = context.and_then(|context| context.ids);
        let trace_id = ids.map_or_else(unique_u128, |(trace_id, _)| trace_id);
        let decided = context
            .and_then(|context| context.sampled)
            .filter(|_| self.follows_caller);
        Some(Trace {
            trace_id,
            parent: ids.map(|(_, span)| span),
            span: unique_u64(),
            component: unique_u64(),
            sampled: decided.unwrap_or_else(|| self.decider.takes(trace_id)),
        })
    }

    fn wants_head(&self, trace: Option<Trace>) -> bool {
        trace.is_some_and(|trace| trace.sampled)
    }

    fn answered(&self, call: &Call, answer: &Answered) {
        if let Some(trace) = call.trace.filter(|trace| trace.sampled) {
            self.queue.push(Finished::new(trace, call, answer));
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // The thread must not outlive whoever could stop it; what waits has its usual time.
        self.queue.end(Duration::from_secs(1));
    }
}
