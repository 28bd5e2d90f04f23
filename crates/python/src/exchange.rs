//! One request to a worker and its response, with the times of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use streeling_core::{Error, ErrorKind, Limit, RequestContext, Result, Stage};

use crate::clock;
use crate::connection::Received;
use crate::dispatch::{CostClass, QueuedRequest};
use crate::frame::{Call, Header};
use crate::held::Held;
use crate::pool::Pool;
use crate::registry::Refused;
use crate::reply::Reply;
use crate::request::RequestFrame;
use crate::responder::{Response, ResponseSender, worker_lost};

impl Pool {
    /// Sends a request to a worker, waits for its reply, and records in its context where the time
    /// went.
    pub(crate) async fn exchange(
        &self,
        call: Call,
        mut frame: RequestFrame,
        held: &Held<'_>,
    ) -> Result<Reply> {
        let context = held.context();
        if let Some(original) = &context.original {
            frame.original(original)?;
        }
        let mut times = Times::new(context.request.as_ref());
        let response = self.submit(call, frame, held, times.since).await;
        if let Ok((_, Received { header, .. })) = &response {
            times.responded(header);
        }
        drop(times);
        held.ended(response.as_ref().is_err_and(|lost| lost.was_alone));
        let (slot, received) = response.map_err(|lost| lost.error)?;
        let Received {
            header,
            body,
            error,
        } = received;
        match (body, error) {
            (Some(body), _) => Ok(Reply { header, body, slot }),
            (None, Some(error)) => Err(*error),
            (None, None) => Err(self.too_large(header.length)),
        }
    }

    async fn submit(
        &self,
        call: Call,
        frame: RequestFrame,
        held: &Held<'_>,
        since: Instant,
    ) -> Response {
        let (registry, context) = (&self.shared.registry, held.context());
        let id = registry.next_request_id();
        let cost_class = CostClass::new(call, frame.size());
        let summary = frame.summary();
        let (responder, response) = ResponseSender::new(since, context.request.clone(), summary);
        let submitted = registry.submit(QueuedRequest {
            id,
            cost_class,
            deadline: context.deadline,
            payload: frame.finish(call, id, context.deadline)?,
            responder,
        });
        match submitted {
            Ok(()) => {
                held.submitted(id);
                response.await.unwrap_or_else(|_| Err(worker_lost().into()))
            }
            Err(Refused::NoWorker) => Err(worker_lost().into()),
            Err(Refused::QueueFull) => Err(self.queue_full().into()),
        }
    }

    fn queue_full(&self) -> Error {
        Error::new(
            ErrorKind::QueueFull,
            format!(
                "{} requests wait for a worker already (--max-queue, STREELING_MAX_QUEUE); try \
                 again later",
                self.shared.config.max_queue
            ),
        )
        .beyond(Limit::Queue)
    }

    fn too_large(&self, bytes: u64) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the component's response has {bytes} bytes, {} are allowed (--max-body-size, \
                 STREELING_MAX_BODY_SIZE)",
                self.shared.config.max_response
            ),
        )
        .beyond(Limit::Response)
    }
}

/// Records in a request's context how long it waited for the component, and how long the component
/// took, when this is dropped: with a response, without one, or by a caller that has given up.
struct Times<'a> {
    request: Option<&'a Arc<RequestContext>>,
    /// When the request was submitted.
    since: Instant,
    component: ComponentTime,
}

/// When the component was entered, and how long it took.
enum ComponentTime {
    /// There is no response.
    Unknown,
    NotEntered,
    Entered(Instant, Duration),
}

impl<'a> Times<'a> {
    fn new(request: Option<&'a Arc<RequestContext>>) -> Self {
        Self {
            request,
            since: Instant::now(),
            component: ComponentTime::Unknown,
        }
    }

    /// The worker has measured both.
    fn responded(&mut self, header: &Header) {
        self.component = match header.moment {
            0 => ComponentTime::NotEntered,
            moment => {
                let work = Duration::from_micros(header.count.into());
                ComponentTime::Entered(clock::from_worker(moment), work)
            }
        };
    }

    /// When it was given to a worker, if it was; an earlier exchange of this request started
    /// earlier.
    fn sent(&self, request: &RequestContext) -> Option<Instant> {
        let (since, waited) = request.stage(Stage::Queue)?;
        (since == self.since).then(|| since + waited)
    }
}

impl Drop for Times<'_> {
    fn drop(&mut self) {
        let Some(request) = self.request else { return };
        let now = Instant::now();
        let (entered, left) = match self.component {
            // Times outside of the exchange cannot be: a worker's clock may be wrong.
            ComponentTime::Entered(entered, work) => {
                let entered = entered.clamp(self.since, now);
                (Some(entered), (entered + work).min(now))
            }
            ComponentTime::NotEntered => (None, now),
            ComponentTime::Unknown => (self.sent(request), now),
        };
        request.record(Stage::Queue, self.since, entered.unwrap_or(now));
        if let Some(entered) = entered {
            request.record(Stage::Component, entered, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::{Code, RequestId, Transport};

    use super::*;
    use crate::frame::{Header, Kind};

    static TEST: Transport = Transport {
        name: "test",
        abandoned: Code::numbered(499),
        id_headers: &[],
    };

    const MILLI: Duration = Duration::from_millis(1);

    /// Queue and component, each as start and length, for a request that ends now, ten milliseconds
    /// after it was submitted; `meanwhile` is what happened between.
    fn recorded(
        meanwhile: impl FnOnce(&mut Times<'_>, &RequestContext),
    ) -> [Option<(Duration, Duration)>; 2] {
        let mut request = RequestContext::new(&TEST, RequestId::made());
        let since = Instant::now() - 10 * MILLI;
        request.started = since - MILLI;
        let request = Arc::new(request);
        let mut times = Times::new(Some(&request));
        times.since = since;
        meanwhile(&mut times, &request);
        drop(times);
        [Stage::Queue, Stage::Component].map(|stage| {
            let (from, time) = request.stage(stage)?;
            Some((from - since, time))
        })
    }

    fn responded(
        moment: impl FnOnce(Instant) -> u64,
        micros: u32,
    ) -> [Option<(Duration, Duration)>; 2] {
        recorded(|times, _| {
            times.responded(&Header {
                moment: moment(times.since),
                count: micros,
                ..Header::control(Kind::Reply, 0)
            });
        })
    }

    #[test]
    fn a_response_shows_when_the_component_was_entered() {
        let found = responded(|since| clock::to_worker(since + 2 * MILLI), 3000);
        let expected = [(Duration::ZERO, 2 * MILLI), (2 * MILLI, 3 * MILLI)];
        assert_eq!(found, expected.map(Some));
    }

    #[test]
    fn a_request_that_did_not_reach_the_component_has_waited() {
        let sent = |times: &mut Times<'_>, request: &RequestContext| {
            request.record(Stage::Queue, times.since, times.since + MILLI);
        };
        let refused = responded(|_| 0, 0);
        let refused_late = recorded(|times, request| {
            sent(times, request);
            times.responded(&Header::control(Kind::Error, 0));
        });
        let not_sent = recorded(|_, _| {});
        // An earlier exchange of the same request does not count.
        let not_sent_again = recorded(|times, request| {
            sent(times, request);
            times.since += MILLI;
        });
        for [queue, component] in [refused, refused_late, not_sent, not_sent_again] {
            let (_, waited) = queue.unwrap();
            assert!(waited >= 9 * MILLI, "{waited:?}");
            assert_eq!(component, None);
        }
    }

    #[test]
    fn a_request_without_a_response_was_in_the_component_since_it_was_sent() {
        let [queue, component] = recorded(|times, request| {
            request.record(Stage::Queue, times.since, times.since + 4 * MILLI);
        });
        assert_eq!(queue, Some((Duration::ZERO, 4 * MILLI)));
        let (entered, work) = component.unwrap();
        assert_eq!(entered, 4 * MILLI);
        assert!(work >= 6 * MILLI, "{work:?}");
    }

    #[test]
    fn times_of_a_wrong_clock_are_clamped_to_the_request() {
        let start = Instant::now();
        let [queue, component] = responded(|_| 1, u32::MAX);
        let whole = 10 * MILLI..=10 * MILLI + start.elapsed();
        assert_eq!(queue, Some((Duration::ZERO, Duration::ZERO)));
        let (entered, work) = component.unwrap();
        assert_eq!(entered, Duration::ZERO);
        assert!(whole.contains(&work), "{work:?}");

        let start = Instant::now();
        let [queue, component] = responded(|_| u64::MAX, 5);
        let whole = 10 * MILLI..=10 * MILLI + start.elapsed();
        let (_, waited) = queue.unwrap();
        assert!(whole.contains(&waited), "{waited:?}");
        assert_eq!(component, Some((waited, Duration::ZERO)));
    }
}
