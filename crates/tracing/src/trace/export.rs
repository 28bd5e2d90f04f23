//! The thread that sends spans away.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::config::{Backend, Limits, TracerConfig};
use super::queue::{Batch, Queue};
use super::record::{Common, Span};

/// Why spans cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The system gave no thread, or nothing to wait with.
    #[error("cannot start the thread that sends spans: {0}")]
    Thread(#[source] io::Error),
    /// The exporter refused what it was told.
    #[error("cannot send spans to {backend}: {reason}")]
    Backend {
        /// Where they were to go.
        backend: String,
        /// What it refused.
        reason: String,
    },
}

/// Sends spans in one backend's form.
pub(super) trait Export: Send {
    /// Returns within about the time given, but for a name that takes long to resolve.
    fn export(&mut self, spans: Vec<Span>, timeout: Duration) -> Result<(), String>;

    /// Batches in a row that must have gone well before a backend that had failed counts as back.
    fn proof(&self) -> u32;

    /// The backend, for a person.
    fn backend(&self) -> String;
}

/// Starts the thread. The receiver is disconnected when it has ended.
pub(super) fn start(
    config: &TracerConfig,
    queue: Arc<Queue>,
) -> Result<mpsc::Receiver<()>, StartError> {
    let (alive, ended) = mpsc::channel::<()>();
    let mut exporter: Box<dyn Export> = match &config.backend {
        #[cfg(feature = "jaeger")]
        Backend::Jaeger(agent) => Box::new(super::jaeger::Agent::new(agent, config)),
        #[cfg(feature = "otlp")]
        Backend::Otlp(collector) => Box::new(super::otlp::Collector::new(collector, config)?),
    };
    tracing::info!("traces go to {}", exporter.backend());
    let common = Common {
        tags: config.tags.clone(),
        sampler: config.sampling.sampler.tags(),
    };
    let limits = config.limits;
    std::thread::Builder::new()
        .name("spans".to_owned())
        .spawn(move || {
            let _alive = alive;
            run(exporter.as_mut(), &queue, &common, limits);
        })
        .map_err(StartError::Thread)?;
    Ok(ended)
}

fn run(exporter: &mut dyn Export, queue: &Queue, common: &Common, limits: Limits) {
    let mut state = State::default();
    loop {
        let batch = queue.take();
        state.look_at(queue.queue_full.load(Ordering::Relaxed), Instant::now());
        if batch.requests.is_empty() {
            if batch.until.is_some() {
                return;
            }
            continue;
        }
        let (spans, until) = (batch.spans as u64, batch.until);
        let timeout = until.map_or(limits.timeout, |until| {
            limits
                .timeout
                .min(until.saturating_duration_since(Instant::now()))
        });
        if timeout.is_zero() {
            queue.export_failed.fetch_add(spans, Ordering::Relaxed);
            queue.clear();
            return;
        }
        let result = exporter.export(made(&batch, common), timeout);
        match &result {
            Ok(()) => queue.exported.fetch_add(spans, Ordering::Relaxed),
            Err(_) => queue.export_failed.fetch_add(spans, Ordering::Relaxed),
        };
        let failed = result.is_err();
        state.tell(exporter, result);
        // Whoever is down is not to be asked as fast as spans come in.
        if failed {
            queue.pause();
        }
    }
}

fn made(batch: &Batch, common: &Common) -> Vec<Span> {
    let mut spans = Vec::with_capacity(batch.spans);
    for request in &batch.requests {
        request.write(common, &mut spans);
    }
    spans
}

/// What the log has been told: a line for each change, not for each batch.
#[derive(Debug, Default)]
struct State {
    has_failed: bool,
    /// Batches in a row that went well since.
    good: u32,
    /// Spans that had no place, and when the last of them were seen.
    full: u64,
    full_at: Option<Instant>,
    told_full: bool,
}

/// So long must there have been place for all before the log is told so.
const QUIET: Duration = Duration::from_secs(60);

impl State {
    fn tell(&mut self, exporter: &dyn Export, result: Result<(), String>) {
        match result {
            Ok(()) if !self.has_failed => {}
            Ok(()) => {
                self.good += 1;
                if self.good >= exporter.proof() {
                    self.has_failed = false;
                    tracing::info!("spans reach {} again", exporter.backend());
                }
            }
            Err(reason) => {
                self.good = 0;
                if !self.has_failed {
                    self.has_failed = true;
                    tracing::warn!(
                        "spans do not reach {}, and are dropped until they do: {reason}",
                        exporter.backend()
                    );
                }
            }
        }
    }

    fn look_at(&mut self, full: u64, now: Instant) {
        if full > self.full {
            self.full = full;
            self.full_at = Some(now);
            // Of a backend that is down, the log knows.
            if !self.told_full && !self.has_failed {
                self.told_full = true;
                tracing::warn!(
                    "more spans are recorded than can be sent; the rest is dropped, and counted in \
                     streeling_spans_dropped_total: a sampler may choose fewer"
                );
            }
        } else if self.told_full && self.full_at.is_none_or(|at| now >= at + QUIET) {
            self.told_full = false;
            tracing::info!("spans are no longer dropped for want of place");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Fake;

    impl Export for Fake {
        fn export(&mut self, _: Vec<Span>, _: Duration) -> Result<(), String> {
            Ok(())
        }

        fn proof(&self) -> u32 {
            2
        }

        fn backend(&self) -> String {
            "nobody".to_owned()
        }
    }

    #[test]
    fn a_backend_is_back_when_it_has_proved_it() {
        let mut state = State::default();
        let mut tell = |good: bool| {
            state.tell(&Fake, if good { Ok(()) } else { Err("no".to_owned()) });
            state.has_failed
        };
        assert_eq!(
            [true, false, true, false, true, true].map(&mut tell),
            [false, true, true, true, true, false]
        );
    }

    #[test]
    fn a_full_queue_is_told_of_once_until_it_has_been_quiet() {
        let mut state = State::default();
        let begun = Instant::now();
        let mut told = |full, seconds| {
            state.look_at(full, begun + Duration::from_secs(seconds));
            state.told_full
        };
        assert!(!told(0, 0));
        assert!(told(5, 1) && told(5, 50) && told(6, 60) && told(6, 119));
        assert!(!told(6, 120) && !told(6, 500));
        assert!(told(7, 501));
    }

    #[test]
    fn a_queue_that_is_full_for_a_backend_that_is_down_is_not_told_of() {
        let mut state = State::default();
        state.tell(&Fake, Err("no".to_owned()));
        state.look_at(5, Instant::now());
        assert!(!state.told_full);
        state.tell(&Fake, Ok(()));
        state.tell(&Fake, Ok(()));
        state.look_at(5, Instant::now());
        assert!(!state.told_full && !state.has_failed);
        state.look_at(6, Instant::now());
        assert!(state.told_full);
    }
}
