//! One request to a worker and its answer, with the times of both.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use streeling_core::{Call, Context, Error, ErrorKind, Method, Result, Stage};

use crate::clock;
use crate::dispatch::{Class, Job, Submitted};
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
        let sent = Instant::now();
        let answered = self.submit(method, request, context.deadline).await;
        if let Some(call) = &context.call {
            note(call, sent, Instant::now(), &answered);
        }
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
        deadline: Option<Instant>,
    ) -> Answered {
        let shared = &*self.shared;
        let id = shared.next_request_id();
        let class = Class::new(method, request.size());
        let payload = request.finish(method, id, deadline);
        let (sender, answer) = oneshot::channel();
        let job = Job {
            id,
            class,
            deadline,
            payload,
            ticket: Caller(sender),
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

/// Notes how long a request waited for the component, and how long it was in there; one that never
/// came there, or was lost, has only waited.
fn note(call: &Call, sent: Instant, received: Instant, answered: &Answered) {
    let entered = match answered {
        Ok((_, Received { header, .. })) if header.moment > 0 => header,
        _ => return call.note(Stage::Queue, sent, received),
    };
    // What a worker says is believed as far as it can be.
    let spent = Duration::from_micros(entered.extent.into());
    let entered = clock::from_worker(entered.moment).clamp(sent, received);
    call.note(Stage::Queue, sent, entered);
    call.note(Stage::Component, entered, (entered + spent).min(received));
}

#[cfg(test)]
mod tests {
    use streeling_core::{Code, RequestId, Transport};

    use super::*;
    use crate::frame::{Header, Kind};

    static TEST: Transport = Transport::new("test", Code::numbered(499));

    const MILLI: Duration = Duration::from_millis(1);

    /// Queue and component, each as start and length in microseconds since the request was sent, for one that
    /// took ten milliseconds.
    fn noted(answered: impl FnOnce(Instant) -> Answered) -> [Option<(u128, u128)>; 2] {
        let call = Call::new(&TEST, RequestId::made());
        let sent = call.begun + MILLI;
        note(&call, sent, sent + 10 * MILLI, &answered(sent));
        [Stage::Queue, Stage::Component].map(|stage| {
            let (from, time) = call.stage(stage)?;
            Some(((from - sent).as_micros(), time.as_micros()))
        })
    }

    fn answer(moment: u64, extent: u32) -> Answered {
        let header = Header {
            moment,
            extent,
            ..Header::control(Kind::Reply, 0)
        };
        Ok((0, Received { header, body: None }))
    }

    #[test]
    fn an_answer_tells_when_the_component_was_entered() {
        let found = noted(|sent| answer(clock::to_worker(sent + 2 * MILLI), 3000));
        assert_eq!(found, [Some((0, 2000)), Some((2000, 3000))]);
    }

    #[test]
    fn what_never_came_there_has_waited() {
        assert_eq!(noted(|_| answer(0, 0)), [Some((0, 10_000)), None]);
        let lost = noted(|_| Err(worker_lost()));
        assert_eq!(lost, [Some((0, 10_000)), None]);
    }

    #[test]
    fn a_clock_that_is_wrong_stays_within_the_request() {
        assert_eq!(
            noted(|_| answer(1, u32::MAX)),
            [Some((0, 0)), Some((0, 10_000))]
        );
        assert_eq!(
            noted(|_| answer(u64::MAX, 5)),
            [Some((0, 10_000)), Some((10_000, 0))]
        );
    }
}
