//! What `benches/instructions.rs` counts of this crate. No part of the interface.

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

use streeling_core::{Account, Encoding, Message, Method};

use crate::connection::{Frames, Limits};
use crate::dispatch::{
    ConnectionId, CostClass, Dispatcher, QueuedRequest, Responder, Sends, Submitted, Work,
};
use crate::frame::{HEADER, Header, ITEM, ItemHeader, ItemKind, Kind};
use crate::reply::Reply;
use crate::request::RequestFrame;

/// A response that is dropped.
#[derive(Debug)]
struct Dropped;

impl Responder for Dropped {
    fn is_abandoned(&self) -> bool {
        false
    }

    fn sent(&self, _now: Instant) {}

    fn hung(&mut self, _time: Duration, _worker_goes_on: bool) {}
}

/// Hands so many requests to a worker of ten threads, and takes its responses, with 64 in flight.
pub fn dispatch(count: u64) {
    const IN_FLIGHT: u64 = 64;

    let worker = 0;
    let start = Instant::now();
    let mut dispatcher = Dispatcher::<u64, Dropped>::new(1024);
    dispatcher.add_worker(start, worker, 10, None);
    let mut sends = Sends::default();
    let mut in_flight = std::collections::VecDeque::new();
    for id in 0..count {
        // The clock is not part of it.
        let now = start + Duration::from_micros(10 * id);
        let request = QueuedRequest {
            id,
            cost_class: CostClass::new(Method::Predict, 100),
            deadline: None,
            payload: id,
            responder: Dropped,
        };
        if let Submitted::Assigned(assignment) = dispatcher.submit(now, request) {
            in_flight.push_back((assignment.connection, assignment.payload));
        }
        if id >= IN_FLIGHT
            && let Some((connection, id)) = in_flight.pop_front()
        {
            complete(&mut dispatcher, now, connection, id, &mut sends);
            let assigned = sends.assignments.drain(..);
            in_flight.extend(assigned.map(|one| (one.connection, one.payload)));
        }
    }
    black_box(dispatcher);
}

fn complete(
    dispatcher: &mut Dispatcher<u64, Dropped>,
    now: Instant,
    connection: ConnectionId,
    id: u64,
    sends: &mut Sends<u64>,
) {
    let work = Work {
        entered: now,
        took: Duration::from_micros(5),
        response: 100,
    };
    black_box(dispatcher.complete(now, connection, id, Some(work), sends));
}

/// Makes the frame of a request.
///
/// # Panics
///
/// When the message does not fit a frame.
pub fn frame(message: &Message) {
    let mut frame = RequestFrame::new(Encoding::Json, None);
    frame.message(message).expect("a small message");
    black_box(
        frame
            .finish(Method::Predict, 1, None)
            .expect("a small message"),
    );
}

/// The bytes of a worker's reply: one row of three float64.
#[must_use]
pub fn reply_bytes() -> Bytes {
    let values = [0.1_f64, 0.7, 0.2].map(f64::to_le_bytes).concat();
    let item = ItemHeader {
        dtype: 12,
        ndim: 2,
        body: values.len() as u64,
        ..ItemHeader::new(ItemKind::Numbers)
    };
    let shape = [1_i64, 3].map(i64::to_le_bytes).concat();
    let body = [&item.encode()[..], &shape, &values].concat();
    assert_eq!(body.len(), ITEM + 16 + 24);
    let header = Header::control(Kind::Reply, body.len()).encode();
    assert_eq!(header.len(), HEADER);
    [&header[..], &body].concat().into()
}

/// Reads such bytes as a response.
///
/// # Panics
///
/// When they are not those of one reply.
pub fn reply(bytes: &Bytes) {
    let mut buffer = BytesMut::from(&bytes[..]);
    let mut frames = Frames::new(Limits {
        size: 1 << 20,
        account: Account::default(),
    });
    let received = frames.split(&mut buffer).expect("one reply");
    for received in received {
        let reply = Reply {
            header: received.header,
            body: received.body.expect("a small reply"),
            slot: 0,
        };
        let _ = black_box(reply.outcome(Encoding::Json, false));
    }
}
