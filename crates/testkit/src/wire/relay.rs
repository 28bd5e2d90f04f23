//! Passes bytes on between clients and a server, and keeps them.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a client that has ended may leave its connections open.
const END_TIMEOUT: Duration = Duration::from_secs(30);

/// Who sent something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that opened the connection.
    Client,
    /// The other.
    Server,
}

/// Bytes that went one way, in the order in which the relay read them.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The sender.
    pub from: Side,
    /// What it sent.
    pub bytes: Vec<u8>,
}

/// A port that passes everything on to a server.
///
/// What one side sends is kept before the other gets it, so a passage stands behind everything that
/// its sender knew.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<Connection>>>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Connection {
    passages: Arc<Mutex<Vec<Passage>>>,
    client: TcpStream,
    server: TcpStream,
    pumps: [JoinHandle<()>; 2],
}

impl Relay {
    /// Opens the port and starts to pass on.
    ///
    /// # Errors
    ///
    /// The port cannot be bound, say because it is taken.
    pub fn bind(address: SocketAddr, server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let connections = Arc::default();
        let accepting = std::thread::spawn({
            let (ended, connections) = (Arc::clone(&ended), Arc::clone(&connections));
            move || accept(&listener, server, &ended, &connections)
        });
        Ok(Self {
            address,
            ended,
            connections,
            accepting: Some(accepting),
        })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the port and gives what passed on each connection, in the order in which they were
    /// opened. Connections that clients left open are closed soon.
    #[must_use]
    pub fn end(mut self) -> Vec<Vec<Passage>> {
        self.stop();
        let connections = std::mem::take(&mut *lock(&self.connections));
        let since = Instant::now();
        let conversations = connections.into_iter().map(|connection| {
            while since.elapsed() < END_TIMEOUT
                && !connection.pumps.iter().all(JoinHandle::is_finished)
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            connection.close();
            std::mem::take(&mut *lock(&connection.passages))
        });
        conversations.collect()
    }

    fn stop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The accepting thread looks at the flag when a connection comes.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop();
        for connection in &*lock(&self.connections) {
            connection.close();
        }
    }
}

impl Connection {
    fn open(client: TcpStream, server: SocketAddr) -> io::Result<Self> {
        let server = TcpStream::connect(server)?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let passages = Arc::default();
        let pumps = [
            pump(Side::Client, &client, &server, &passages)?,
            pump(Side::Server, &server, &client, &passages)?,
        ];
        Ok(Self {
            passages,
            client,
            server,
            pumps,
        })
    }

    fn close(&self) {
        // They may be closed already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn accept(
    listener: &TcpListener,
    server: SocketAddr,
    ended: &AtomicBool,
    connections: &Mutex<Vec<Connection>>,
) {
    for client in listener.incoming() {
        if ended.load(Ordering::Relaxed) {
            return;
        }
        // A client that cannot be served sees its connection close.
        if let Ok(connection) = client.and_then(|client| Connection::open(client, server)) {
            lock(connections).push(connection);
        }
    }
}

/// Passes on what `source` sends until it ends.
fn pump(
    from: Side,
    source: &TcpStream,
    sink: &TcpStream,
    passages: &Arc<Mutex<Vec<Passage>>>,
) -> io::Result<JoinHandle<()>> {
    let (mut source, mut sink) = (source.try_clone()?, sink.try_clone()?);
    let passages = Arc::clone(passages);
    Ok(std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            // A reset connection has ended, too.
            let count = source.read(&mut buffer).unwrap_or(0);
            if count == 0 {
                break;
            }
            let bytes = buffer[..count].to_vec();
            lock(&passages).push(Passage { from, bytes });
            if sink.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = sink.shutdown(Shutdown::Write);
    }))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
