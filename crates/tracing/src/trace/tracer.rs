//! The observer that records requests.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use streeling_core::{
    Headers, MetricSource, Observer, Outcome, RequestContext, Trace, Transport, unique_u64,
    unique_u128,
};

use super::carrier::Carrier;
use super::config::TracerConfig;
use super::export::StartError;
use super::queue::Queue;
use super::record::Finished;
use super::sampler::Decider;
use super::sender;

/// Decides which requests are recorded, and sends their spans from a thread of its own. No request
/// waits for it.
#[derive(Debug)]
pub struct Tracer {
    carriers: Box<[Carrier]>,
    decider: Decider,
    follows_caller: bool,
    queue: Arc<Queue>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Tracer {
    /// Starts the thread. An unreachable backend is no error: it may start later.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the system cannot start the thread, or the exporter refuses its
    /// configuration.
    pub fn start(config: &TracerConfig) -> Result<Self, StartError> {
        let queue = Arc::new(Queue::new(config.limits));
        let ended = sender::start(config, Arc::clone(&queue))?;
        Ok(Self {
            carriers: config.carriers.as_slice().into(),
            decider: Decider::new(config.sampling.sampler),
            follows_caller: config.sampling.follows_caller,
            queue,
            ended: Mutex::new(ended),
        })
    }

    /// `streeling_spans_exported_total`, and `streeling_spans_dropped_total` by `reason`:
    /// `queue_full` while more are recorded than can be sent, `export_failed` for those that the
    /// backend did not accept.
    #[must_use]
    pub fn metric_source(&self) -> MetricSource {
        let queue = Arc::clone(&self.queue);
        Arc::new(move |out| queue.sample(out))
    }

    /// Sends the pending spans and ends the thread. Blocks for at most `timeout`; spans that are
    /// still pending then are dropped.
    pub fn stop(&self, timeout: Duration) {
        self.queue.end(timeout);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        // An error means disconnected: the thread has ended.
        let _ = ended.recv_timeout(timeout);
    }
}

impl Observer for Tracer {
    fn started(&self, _transport: &'static Transport, headers: Headers<'_>) -> Option<Trace> {
        let context = self
            .carriers
            .iter()
            .find_map(|carrier| carrier.read(headers));
        let ids = context.and_then(|context| context.ids);
        let trace_id = ids.map_or_else(unique_u128, |(trace_id, _)| trace_id);
        let decision = context
            .and_then(|context| context.sampled)
            .filter(|_| self.follows_caller);
        Some(Trace {
            trace_id,
            parent: ids.map(|(_, span)| span),
            span: unique_u64(),
            component: unique_u64(),
            sampled: decision.unwrap_or_else(|| self.decider.samples(trace_id)),
        })
    }

    fn wants_info(&self, trace: Option<Trace>) -> bool {
        trace.is_some_and(|trace| trace.sampled)
    }

    fn finished(&self, request: &RequestContext, outcome: &Outcome) {
        if let Some(trace) = request.trace.filter(|trace| trace.sampled) {
            self.queue.push(Finished::new(trace, request, outcome));
        }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // Without a tracer nothing could stop the thread.
        self.queue.end(Duration::from_secs(1));
    }
}
