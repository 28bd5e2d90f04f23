//! Clients that go away in the middle, and connections on which nothing more comes.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use super::account::{Ended, Transport};
use super::call::Operation;
use super::load::Shared;
use super::{grpc, rest};
use crate::frames;

/// Connections that are held open without a word.
const HELD: usize = 40;

/// Which is how long at most.
const HELD_SECONDS: u64 = 20;

/// Starts them.
pub(super) fn start(shared: &Arc<Shared>, random: &mut fastrand::Rng) -> Vec<JoinHandle<()>> {
    let works: [fn(&Shared, fastrand::Rng); 3] = [leave_rest, leave_grpc, hold];
    let start = |work: fn(&Shared, fastrand::Rng)| {
        let (shared, random) = (Arc::clone(shared), random.fork());
        std::thread::spawn(move || work(&shared, random))
    };
    works.map(start).into()
}

fn leave_rest(shared: &Shared, mut random: fastrand::Rng) {
    while shared.goes_on() {
        let size = 1 << random.u32(4..20);
        let operation = random
            .choice([Operation::Digest, Operation::Echo, Operation::Sleep])
            .expect("there are some");
        let call = shared.call(&mut random, operation, 30, size.min(shared.largest));
        let entry = shared.account.open(Transport::Rest, &call);
        let body = call.json(&shared.material);
        let head = rest::head(call.path(), body.len());
        let bytes = [head.as_bytes(), &body].concat();
        let end = match random.u8(..5) {
            0 => 0,
            1 => random.usize(..head.len()),
            2 => head.len(),
            3 => head.len() + random.usize(..body.len()),
            _ => bytes.len(),
        };
        if let Ok(mut stream) = TcpStream::connect_timeout(&shared.rest, rest::TIMEOUT) {
            // A server that has closed the connection already has done nothing wrong.
            drop(stream.write_all(&bytes[..end]));
            std::thread::sleep(Duration::from_millis(random.u64(..20)));
            leave(&stream, random.u8(..3));
        }
        let ended = if end < bytes.len() {
            Ended::Cut
        } else {
            Ended::Vanished
        };
        shared.account.close(&entry, ended);
        shared.pause(Duration::from_millis(random.u64(20..300)));
    }
}

/// Closes it, resets it, or closes the sending half before.
fn leave(stream: &TcpStream, how: u8) {
    match how {
        0 => drop(set_socket_linger(stream, Some(Duration::ZERO))),
        1 => {
            drop(stream.shutdown(Shutdown::Write));
            std::thread::sleep(Duration::from_millis(5));
        }
        _ => {}
    }
}

/// Over gRPC with the whole connection, where the steady load only gives up its calls.
fn leave_grpc(shared: &Shared, mut random: fastrand::Rng) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime of one thread can be had");
    while shared.goes_on() {
        let size = 1 << random.u32(4..20);
        let call = shared.call(&mut random, Operation::Sleep, 30, size.min(shared.largest));
        let entry = shared.account.open(Transport::Grpc, &call);
        runtime.block_on(async {
            if let Ok(client) = grpc::Client::connect(shared.grpc).await {
                let after = Duration::from_millis(random.u64(..40));
                client.abandon(&call, &shared.material, after).await;
            }
        });
        shared.account.close(&entry, Ended::Vanished);
        shared.pause(Duration::from_millis(random.u64(20..300)));
    }
}

fn hold(shared: &Shared, mut random: fastrand::Rng) {
    let mut held: Vec<(Instant, TcpStream)> = Vec::new();
    while shared.goes_on() {
        let now = Instant::now();
        held.retain(|(until, _)| *until > now);
        if held.len() < HELD {
            let (server, start) = beginning(shared, &mut random);
            if let Ok(mut stream) = TcpStream::connect_timeout(&server, rest::TIMEOUT) {
                drop(stream.write_all(&start));
                let length = Duration::from_millis(random.u64(..HELD_SECONDS * 1000));
                held.push((now + length, stream));
            }
        }
        shared.pause(Duration::from_millis(random.u64(100..400)));
    }
}

/// A port, and what comes on the connection before nothing more does.
fn beginning(shared: &Shared, random: &mut fastrand::Rng) -> (SocketAddr, Vec<u8>) {
    let head = || rest::head("/predict", 1_000_000).into_bytes();
    let call = || frames::call(1, "/seldon.protos.Model/Predict");
    match random.u8(..8) {
        0 => (shared.rest, Vec::new()),
        1 => (shared.rest, head()[..40].to_vec()),
        2 => (shared.rest, [head(), vec![b' '; 1000]].concat()),
        3 => (shared.grpc, Vec::new()),
        4 => (shared.grpc, frames::preface()),
        5 => (shared.grpc, [frames::preface(), call()].concat()),
        6 => {
            let half = [frames::message_prefix(1_000_000), vec![0; 1000]].concat();
            let data = frames::frame(frames::DATA, 0, 1, &half);
            (shared.grpc, [frames::preface(), call(), data].concat())
        }
        _ => (shared.metrics, b"GET /li".to_vec()),
    }
}
