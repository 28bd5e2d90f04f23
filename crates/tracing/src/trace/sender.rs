//! The thread that sends spans away.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::config::{Backend, Limits, TracerConfig};
use super::export::{Export, StartError};
use super::queue::{Batch, Queue};
use super::record::{Common, Span};

/// Starts the thread. The receiver is disconnected when the thread has ended.
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
    tracing::info!("sending traces to {}", exporter.backend());
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
    let mut state = BackendState::default();
    loop {
        let batch = queue.take();
        state.report_dropped(queue.queue_full.load(Ordering::Relaxed), Instant::now());
        if batch.requests.is_empty() {
            if batch.deadline.is_some() {
                return;
            }
            continue;
        }
        let (spans, deadline) = (batch.spans as u64, batch.deadline);
        let timeout = deadline.map_or(limits.timeout, |deadline| {
            limits
                .timeout
                .min(deadline.saturating_duration_since(Instant::now()))
        });
        if timeout.is_zero() {
            queue.export_failed.fetch_add(spans, Ordering::Relaxed);
            queue.clear();
            return;
        }
        let result = exporter.export(spans_of(&batch, common), timeout);
        match &result {
            Ok(()) => queue.exported.fetch_add(spans, Ordering::Relaxed),
            Err(_) => queue.export_failed.fetch_add(spans, Ordering::Relaxed),
        };
        let failed = result.is_err();
        state.report_result(exporter, result);
        // A backend that is down is retried after the delay, not as fast as spans come in.
        if failed {
            queue.pause();
        }
    }
}

fn spans_of(batch: &Batch, common: &Common) -> Vec<Span> {
    let mut spans = Vec::with_capacity(batch.spans);
    for request in &batch.requests {
        request.write(common, &mut spans);
    }
    spans
}

/// How long nothing must have been dropped until the log says that the queue is no longer full.
const NOT_FULL_AFTER: Duration = Duration::from_secs(60);

/// What the log says of the backend and the queue: one line for each change, not for each batch.
#[derive(Debug, Default)]
struct BackendState {
    has_failed: bool,
    /// Successful exports in a row since the failure.
    successes: u32,
    /// Spans dropped because the queue was full, and when their number last grew.
    dropped: u64,
    dropped_at: Option<Instant>,
    is_full_reported: bool,
}

impl BackendState {
    fn report_result(&mut self, exporter: &dyn Export, result: Result<(), String>) {
        match result {
            Ok(()) if !self.has_failed => {}
            Ok(()) => {
                self.successes += 1;
                if self.successes >= exporter.recovery_threshold() {
                    self.has_failed = false;
                    tracing::info!("sending spans to {} works again", exporter.backend());
                }
            }
            Err(reason) => {
                self.successes = 0;
                if !self.has_failed {
                    self.has_failed = true;
                    tracing::warn!(
                        "cannot send spans to {}, dropping them until it recovers: {reason}",
                        exporter.backend()
                    );
                }
            }
        }
    }

    fn report_dropped(&mut self, dropped: u64, now: Instant) {
        if dropped > self.dropped {
            self.dropped = dropped;
            self.dropped_at = Some(now);
            // The failure of a backend has been logged already.
            if !self.is_full_reported && !self.has_failed {
                self.is_full_reported = true;
                tracing::warn!(
                    "more spans are recorded than can be sent; the rest is dropped, and counted in \
                     streeling_spans_dropped_total; configure a sampler that takes fewer"
                );
            }
        } else if self.is_full_reported
            && self.dropped_at.is_none_or(|at| now >= at + NOT_FULL_AFTER)
        {
            self.is_full_reported = false;
            tracing::info!("the queue of spans is no longer full");
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

        fn recovery_threshold(&self) -> u32 {
            2
        }

        fn backend(&self) -> String {
            "a fake".to_owned()
        }
    }

    #[test]
    fn a_backend_has_recovered_after_enough_exports() {
        let mut state = BackendState::default();
        let mut export = |is_success: bool| {
            let result = is_success.then_some(()).ok_or("no".to_owned());
            state.report_result(&Fake, result);
            state.has_failed
        };
        assert_eq!(
            [true, false, true, false, true, true].map(&mut export),
            [false, true, true, true, true, false]
        );
    }

    #[test]
    fn a_full_queue_is_reported_once_until_a_minute_without_drops() {
        let mut state = BackendState::default();
        let start = Instant::now();
        let mut is_reported = |dropped, seconds| {
            state.report_dropped(dropped, start + Duration::from_secs(seconds));
            state.is_full_reported
        };
        assert!(!is_reported(0, 0));
        assert!(is_reported(5, 1) && is_reported(5, 50));
        assert!(is_reported(6, 60) && is_reported(6, 119));
        assert!(!is_reported(6, 120) && !is_reported(6, 500));
        assert!(is_reported(7, 501));
    }

    #[test]
    fn a_full_queue_is_not_reported_while_the_backend_is_down() {
        let mut state = BackendState::default();
        state.report_result(&Fake, Err("no".to_owned()));
        state.report_dropped(5, Instant::now());
        assert!(!state.is_full_reported);
        state.report_result(&Fake, Ok(()));
        state.report_result(&Fake, Ok(()));
        state.report_dropped(5, Instant::now());
        assert!(!state.is_full_reported && !state.has_failed);
        state.report_dropped(6, Instant::now());
        assert!(state.is_full_reported);
    }
}
