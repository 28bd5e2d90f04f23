//! What the connections that clients keep take in memory. One test alone, since the counter is that
//! of the whole process.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;
use streeling_core::{Models, Observers, service};
use streeling_net::{bind, serve};
use streeling_rest::seldon::Seldon;
use streeling_rest::{Config, Rest};
use streeling_testkit::Scripted;
use tokio::sync::{oneshot, watch};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const CONNECTIONS: usize = 16;

/// Bytes of a body; a pipe in memory would not let reads become as large as a socket does.
const BODY: usize = 1 << 20;

/// Bytes that may be kept for a connection: a read buffer of 16 KiB, and its state. Without bounds
/// hyper keeps a buffer of up to 400 KiB.
const KEPT: usize = 32 * 1024;

#[test]
fn a_connection_keeps_no_large_buffer_after_a_large_body() {
    let server = start();
    // What the first request of all makes is kept for ever.
    drop(call(server));
    let before = MEMORY.current_usage();
    let connections: Vec<TcpStream> = (0..CONNECTIONS).map(|_| call(server)).collect();
    // The last request may not have been dropped yet when its response is here.
    let since = Instant::now();
    loop {
        let kept = MEMORY.current_usage().saturating_sub(before) / connections.len();
        if kept <= KEPT {
            break;
        }
        let waited = since.elapsed();
        assert!(
            waited < Duration::from_secs(30),
            "{kept} bytes are kept for each"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A server on a thread of its own, until the process ends.
fn start() -> SocketAddr {
    let (started, address) = oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let port = bind(address).unwrap().listen().unwrap();
            started.send(port.local_addr()).unwrap();
            let models = Models::one("scripted", service(Scripted::default()));
            let (_ready, is_ready) = watch::channel(true);
            let rest = Rest::new(
                &Config::default(),
                vec![Arc::new(Seldon::default())],
                models,
                Observers::default(),
                is_ready,
            );
            serve(port, rest, std::future::pending()).await
        })
    });
    address.blocking_recv().unwrap()
}

/// Sends a large body, most of it spaces, on a new connection, which is left open.
fn call(server: SocketAddr) -> TcpStream {
    let body = format!("{{{}\"strData\":\"here\"}}", " ".repeat(BODY));
    let mut stream = TcpStream::connect(server).unwrap();
    let head = format!(
        "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body.as_bytes()).unwrap();
    let mut response = Vec::new();
    while !response.ends_with(b"}") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).unwrap();
        assert_ne!(count, 0, "closed after {response:?}");
        response.extend_from_slice(&piece[..count]);
    }
    assert!(response.starts_with(b"HTTP/1.1 200"), "{response:?}");
    stream
}
