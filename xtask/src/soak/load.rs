//! The steady load: clients of both transports that send one request after the other.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;

use super::account::{Account, Ended, Transport};
use super::call::{Call, Form, Method, Operation};
use super::material::{Material, WIDTH};
use super::rest::Pace;
use super::{grpc, rest};

/// The deadline of the server's requests.
pub(super) const TIMEOUT_MS: u64 = 10_000;

/// Clients of each transport; each has one request at a time.
const CLIENTS: usize = 6;

/// Connections that the gRPC clients share.
const CHANNELS: usize = 2;

/// Bodies above this, of which only so many are under way at once.
const LARGE: usize = 2_000_000;
const LARGE_AT_ONCE: usize = 2;

/// What all clients share.
pub(super) struct Shared {
    pub(super) account: Account,
    pub(super) material: Material,
    pub(super) rest: SocketAddr,
    pub(super) grpc: SocketAddr,
    pub(super) metrics: SocketAddr,
    /// The bytes of the largest body.
    pub(super) largest: usize,
    /// Between two calls of a client, at most.
    pub(super) pause: Duration,
    pub(super) stop: AtomicBool,
    pub(super) large: AtomicUsize,
}

impl Shared {
    pub(super) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Sleeps, but not longer than the soak lasts.
    pub(super) fn pause(&self, mut length: Duration) {
        const STEP: Duration = Duration::from_millis(50);
        while self.goes_on() && !length.is_zero() {
            std::thread::sleep(length.min(STEP));
            length = length.saturating_sub(STEP);
        }
    }

    fn between_calls(&self, random: &mut fastrand::Rng) -> Duration {
        self.pause.mul_f64(random.f64())
    }

    /// A call of this operation, with data of nearly so many bytes.
    pub(super) fn call(
        &self,
        random: &mut fastrand::Rng,
        operation: Operation,
        argument: u64,
        size: usize,
    ) -> Call {
        let mut form = random
            .choice([Form::Numbers, Form::Bytes, Form::Text])
            .expect("there are some");
        if operation == Operation::Digest && size < 100 && random.u8(..4) == 0 {
            form = Form::Least;
        }
        let (all, units) = match form {
            Form::Numbers => (self.material.numbers.len(), size / WIDTH),
            _ => (self.material.base64.len() / 4, size / 4),
        };
        let units = if form == Form::Least {
            0
        } else {
            units.min(all)
        };
        let from = random.usize(..=all - units);
        let method = match (operation, random.u8(..20)) {
            (Operation::Digest | Operation::Echo, 0) => Method::TransformInput,
            (Operation::Digest, 1) if size < LARGE / 2 => Method::Aggregate,
            _ => Method::Predict,
        };
        Call {
            number: self.account.number(),
            operation,
            argument,
            method,
            form,
            data: from..from + units,
        }
    }

    fn draw(&self, random: &mut fastrand::Rng) -> (Call, Option<Permit<'_>>) {
        let (mut low, mut high) = match random.u8(..100) {
            0..70 => (10, 1_000),
            70..90 => (1_000, 64_000),
            90..98 => (64_000, LARGE),
            _ => (LARGE, self.largest),
        };
        let mut permit = None;
        if high > LARGE {
            permit = Permit::take(&self.large);
            if permit.is_none() {
                (low, high) = (10, 1_000);
            }
        }
        let (low, high) = (low.min(self.largest), high.min(self.largest));
        // As many of each order of magnitude.
        let part = random.f64();
        let size = ((low as f64).ln() * (1.0 - part) + (high as f64).ln() * part).exp() as usize;
        let (operation, argument) = match random.u8(..100) {
            0..12 => (Operation::Echo, 0),
            12..18 => (Operation::Sleep, random.u64(1..60)),
            18..20 => (Operation::Raise, 0),
            20 => (Operation::Lock, random.u64(1..8)),
            _ => (Operation::Digest, 0),
        };
        (self.call(random, operation, argument, size), permit)
    }
}

/// One of the large bodies under way.
struct Permit<'a>(&'a AtomicUsize);

impl<'a> Permit<'a> {
    fn take(count: &'a AtomicUsize) -> Option<Self> {
        let more = |count| (count < LARGE_AT_ONCE).then_some(count + 1);
        let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Self(count))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts the clients.
pub(super) fn start(shared: &Arc<Shared>, random: &mut fastrand::Rng) -> Vec<JoinHandle<()>> {
    let mut threads = Vec::new();
    for _ in 0..CLIENTS {
        let (shared, random) = (Arc::clone(shared), random.fork());
        threads.push(std::thread::spawn(move || over_rest(&shared, random)));
    }
    let (shared, random) = (Arc::clone(shared), random.fork());
    threads.push(std::thread::spawn(move || {
        if let Err(error) = over_grpc(&shared, random) {
            shared.account.object(format!("gRPC clients: {error:#}"));
        }
    }));
    threads
}

fn over_rest(shared: &Shared, mut random: fastrand::Rng) {
    let mut client = rest::Client::new(shared.rest);
    while shared.goes_on() {
        let (call, permit) = shared.draw(&mut random);
        let pace = if call.operation == Operation::Echo && random.u8(..3) == 0 {
            Pace::Slow(random.u64(1..100))
        } else {
            Pace::Fast
        };
        let entry = shared.account.open(Transport::Rest, &call);
        let ended = client.call(&call, &shared.material, pace);
        shared.account.close(&entry, ended);
        drop(permit);
        shared.pause(shared.between_calls(&mut random));
    }
}

fn over_grpc(shared: &Arc<Shared>, mut random: fastrand::Rng) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..CHANNELS {
            let client = grpc::Client::connect(shared.grpc).await?;
            for _ in 0..CLIENTS / CHANNELS {
                let (shared, client) = (Arc::clone(shared), client.clone());
                tasks.spawn(one_over_grpc(shared, client, random.fork()));
            }
        }
        while let Some(ended) = tasks.join_next().await {
            ended.context("a client panicked")?;
        }
        anyhow::Ok(())
    })
}

async fn one_over_grpc(shared: Arc<Shared>, client: grpc::Client, mut random: fastrand::Rng) {
    while shared.goes_on() {
        let (call, permit) = shared.draw(&mut random);
        let entry = shared.account.open(Transport::Grpc, &call);
        // On the connection of all the others: it must bear that.
        let ended = if random.u8(..50) == 0 {
            let after = Duration::from_millis(random.u64(..20));
            client.abandon(&call, &shared.material, after).await;
            Ended::Vanished
        } else {
            client.call(&call, &shared.material).await
        };
        shared.account.close(&entry, ended);
        drop(permit);
        tokio::time::sleep(shared.between_calls(&mut random)).await;
    }
}
