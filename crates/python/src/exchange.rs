//! One request to a worker and its answer, with the times of both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use streeling_core::{Call, Context, Error, ErrorKind, Method, Result, Stage};

use crate::clock;
use crate::dispatch::{Class, Job, Submitted};
use crate::frame::Header;
use crate::link::Received;
use crate::pool::{Pool, lock};
use crate::reply::Reply;
use crate::request::Request;
use crate::seat::{Answered, Caller, carry_out, worker_lost};

impl Pool {
    /// Sends a request to a worker, waits for its reply, and notes on the call where the time went.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        request: Request,
        context: &Context,
    ) -> Result<Reply> {
        let mut times = Times::new(context.call.as_ref());
        let answered = self.submit(method, request, context, times.since).await;
        if let Ok((_, Received { header, .. })) = &answered {
            times.answered(header);
        }
        drop(times);
        let (slot, Received { header, body }) = answered?;
        match body {
            Some(body) => Ok(Reply { header, body, slot }),
            None => Err(self.too_large(header.length)),
        }
    }

    async fn submit(
        &self,
        method: Method,
        request: Request,
        context: &Context,
        since: Instant,
    ) -> Answered {
        let deadline = context.deadline;
        let shared = &*self.shared;
        let id = shared.next_request_id();
        let class = Class::new(method, request.size());
        let payload = request.finish(method, id, deadline);
        let (sender, answer) = oneshot::channel();
        let ticket = Caller {
            answer: sender,
            since,
            call: context.call.clone(),
        };
        let job = Job {
            id,
            class,
            deadline,
            payload,
            ticket,
        };

        let order = {
            let mut state = lock(&shared.state);
            if state.over && state.dispatcher.live() == 0 {
                return Err(worker_lost());
            }
            match state.dispatcher.submit(Instant::now(), job) {
                Submitted::Send(send) => state.order(send),
                Submitted::Queued => None,
                Submitted::Full(_) => return Err(self.queue_full()),
            }
        };
        carry_out(order);
        answer.await.unwrap_or_else(|_| Err(worker_lost()))
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
    }

    fn too_large(&self, bytes: u64) -> Error {
        Error::new(
            ErrorKind::TooLarge,
            format!(
                "the component's answer has {bytes} bytes, {} are allowed (--max-body-size, \
                 STREELING_MAX_BODY_SIZE)",
                self.shared.config.max_answer
            ),
        )
    }
}

/// Notes on a call how long it waited for the component, and how long it was in there, when this is dropped: with
/// an answer, without one, or by a caller who does not wait for it any longer.
struct Times<'a> {
    call: Option<&'a Arc<Call>>,
    /// When it began to wait.
    since: Instant,
    inside: Inside,
}

/// When the component was entered, and how long it took.
enum Inside {
    /// Nobody has said so.
    Unknown,
    Never,
    From(Instant, Duration),
}

impl<'a> Times<'a> {
    fn new(call: Option<&'a Arc<Call>>) -> Self {
        Self {
            call,
            since: Instant::now(),
            inside: Inside::Unknown,
        }
    }

    /// The worker knows best.
    fn answered(&mut self, header: &Header) {
        self.inside = match header.moment {
            0 => Inside::Never,
            moment => {
                let spent = Duration::from_micros(header.extent.into());
                Inside::From(clock::from_worker(moment), spent)
            }
        };
    }

    /// When it was given to a worker, if it was; an earlier exchange of this call began earlier.
    fn sent(&self, call: &Call) -> Option<Instant> {
        let (since, waited) = call.stage(Stage::Queue)?;
        (since == self.since).then(|| since + waited)
    }
}

impl Drop for Times<'_> {
    fn drop(&mut self) {
        let Some(call) = self.call else { return };
        let now = Instant::now();
        let (entered, left) = match self.inside {
            // What a worker says is believed as far as it can be.
            Inside::From(entered, spent) => {
                let entered = entered.clamp(self.since, now);
                (Some(entered), (entered + spent).min(now))
            }
            Inside::Never => (None, now),
            Inside::Unknown => (self.sent(call), now),
        };
        call.note(Stage::Queue, self.since, entered.unwrap_or(now));
        if let Some(entered) = entered {
            call.note(Stage::Component, entered, left);
        }
    }
}

#[cfg(test)]
mod tests {
    use streeling_core::{Code, RequestId, Transport};

    use super::*;
    use crate::frame::{Header, Kind};

    static TEST: Transport = Transport::new("test", Code::numbered(499));

    const MILLI: Duration = Duration::from_millis(1);

    /// Queue and component, each as start and length, for a request that ends now, ten milliseconds after it
    /// began to wait; `meanwhile` is what happened between.
    fn noted(meanwhile: impl FnOnce(&mut Times<'_>, &Call)) -> [Option<(Duration, Duration)>; 2] {
        let mut call = Call::new(&TEST, RequestId::made());
        let since = Instant::now() - 10 * MILLI;
        call.begun = since - MILLI;
        let call = Arc::new(call);
        let mut times = Times::new(Some(&call));
        times.since = since;
        meanwhile(&mut times, &call);
        drop(times);
        [Stage::Queue, Stage::Component].map(|stage| {
            let (from, time) = call.stage(stage)?;
            Some((from - since, time))
        })
    }

    fn answered(
        moment: impl FnOnce(Instant) -> u64,
        extent: u32,
    ) -> [Option<(Duration, Duration)>; 2] {
        noted(|times, _| {
            times.answered(&Header {
                moment: moment(times.since),
                extent,
                ..Header::control(Kind::Reply, 0)
            });
        })
    }

    #[test]
    fn an_answer_tells_when_the_component_was_entered() {
        let found = answered(|since| clock::to_worker(since + 2 * MILLI), 3000);
        let expected = [(Duration::ZERO, 2 * MILLI), (2 * MILLI, 3 * MILLI)];
        assert_eq!(found, expected.map(Some));
    }

    #[test]
    fn what_never_came_there_has_waited() {
        let sent = |times: &mut Times<'_>, call: &Call| {
            call.note(Stage::Queue, times.since, times.since + MILLI);
        };
        let refused = answered(|_| 0, 0);
        let refused_late = noted(|times, call| {
            sent(times, call);
            times.answered(&Header::control(Kind::Error, 0));
        });
        let not_sent = noted(|_, _| {});
        // That it was sent before, with another method, says nothing.
        let not_sent_again = noted(|times, call| {
            sent(times, call);
            times.since += MILLI;
        });
        for [queue, component] in [refused, refused_late, not_sent, not_sent_again] {
            let (_, waited) = queue.unwrap();
            assert!(waited >= 9 * MILLI, "{waited:?}");
            assert_eq!(component, None);
        }
    }

    #[test]
    fn what_has_no_answer_was_in_the_component_since_it_was_sent() {
        let [queue, component] = noted(|times, call| {
            call.note(Stage::Queue, times.since, times.since + 4 * MILLI);
        });
        assert_eq!(queue, Some((Duration::ZERO, 4 * MILLI)));
        let (entered, spent) = component.unwrap();
        assert_eq!(entered, 4 * MILLI);
        assert!(spent >= 6 * MILLI, "{spent:?}");
    }

    #[test]
    fn a_clock_that_is_wrong_stays_within_the_request() {
        let [queue, component] = answered(|_| 1, u32::MAX);
        assert_eq!(queue, Some((Duration::ZERO, Duration::ZERO)));
        let (entered, spent) = component.unwrap();
        assert_eq!(entered, Duration::ZERO);
        assert!((10 * MILLI..1000 * MILLI).contains(&spent), "{spent:?}");

        let [queue, component] = answered(|_| u64::MAX, 5);
        let (_, waited) = queue.unwrap();
        assert!((10 * MILLI..1000 * MILLI).contains(&waited), "{waited:?}");
        assert_eq!(component, Some((waited, Duration::ZERO)));
    }
}
