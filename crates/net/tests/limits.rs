//! How many connections a port has, and which make room for others.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::Arc;
use std::time::Duration;

use streeling_net::{
    Connection, ConnectionLimit, Connections, Drain, Drained, Listener, Together, Transport,
    serve_within,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Longer than anything takes. The clock is paused: it goes on only when everybody waits.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Gives what a test sends it.
struct Given(mpsc::UnboundedReceiver<io::Result<DuplexStream>>);

impl Listener for Given {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Connection<DuplexStream>> {
        let given = self.0.recv().await.expect("the test holds the sender");
        given.map(|io| Connection::new(io, None))
    }

    fn close(mut self) -> Vec<Connection<DuplexStream>> {
        self.0.close();
        let given = std::iter::from_fn(|| self.0.try_recv().ok());
        given
            .flatten()
            .map(|io| Connection::new(io, None))
            .collect()
    }
}

/// Says `+` to each byte when `go_on` lets it; meanwhile a request is under way.
struct Plus {
    go_on: Arc<Semaphore>,
}

impl Transport for Plus {
    fn handle<Io>(
        &self,
        connection: Connection<Io>,
        drain: Drain,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let go_on = Arc::clone(&self.go_on);
        async move {
            let Connection {
                mut io, activity, ..
            } = connection;
            let respond = async {
                io.write_all(b"hello ").await.unwrap();
                while io.read_u8().await.is_ok() {
                    let _busy = activity.request();
                    go_on.acquire().await.unwrap().forget();
                    io.write_all(b"+").await.unwrap();
                }
            };
            let mut drain = drain;
            tokio::select! {
                _ = activity.until_shed(respond) => {}
                () = drain.started() => {}
            }
        }
    }
}

struct Port {
    connections: Connections,
    sender: mpsc::UnboundedSender<io::Result<DuplexStream>>,
    go_on: Arc<Semaphore>,
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<Drained>,
}

impl Port {
    fn open(most: usize, together: Together) -> Self {
        let limit = ConnectionLimit {
            most,
            ..ConnectionLimit::default()
        };
        let connections = Connections::new("test", limit, together);
        let go_on = Arc::new(Semaphore::new(0));
        let (sender, receiver) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let transport = Plus {
            go_on: Arc::clone(&go_on),
        };
        let shutdown = async { stopped.await.unwrap() };
        let task = serve_within(connections.clone(), Given(receiver), transport, shutdown);
        Self {
            connections,
            sender,
            go_on,
            stop,
            task: tokio::spawn(task),
        }
    }

    fn connect(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64);
        self.sender.send(Ok(theirs)).unwrap();
        ours
    }

    /// A connection that is served.
    async fn served(&self) -> DuplexStream {
        let mut client = self.connect();
        hello(&mut client).await;
        client
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(TIMEOUT, future).await.expect("it never comes")
}

async fn hello(client: &mut DuplexStream) {
    let mut hello = [0; 6];
    within(client.read_exact(&mut hello)).await.unwrap();
    assert_eq!(&hello, b"hello ");
}

/// Waits until the server has closed it.
async fn closed(client: &mut DuplexStream) {
    assert_eq!(within(client.read(&mut [0])).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_one_that_is_idle_longest_makes_room() {
    let port = Port::open(2, Together::default());
    port.go_on.add_permits(10);
    let mut older = port.served().await;
    tokio::time::advance(Duration::from_millis(900)).await;
    let mut younger = port.served().await;
    let since = Instant::now();
    let mut new = port.served().await;
    // Two seconds after it was opened, and not before.
    assert_eq!(since.elapsed().as_millis(), 1100);
    closed(&mut older).await;
    // A request makes the one that is now the oldest the youngest.
    tokio::time::advance(Duration::from_secs(1)).await;
    younger.write_all(b"1").await.unwrap();
    assert_eq!(within(younger.read_u8()).await.unwrap(), b'+');
    let mut next = port.served().await;
    closed(&mut new).await;
    for client in [&mut younger, &mut next] {
        client.write_all(b"1").await.unwrap();
        assert_eq!(within(client.read_u8()).await.unwrap(), b'+');
    }
    let counted = port.connections.counted();
    assert_eq!((counted.open, counted.limit), (2, 2));
    assert_eq!((counted.shed, counted.waited), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn busy_ones_are_left_alone_and_a_new_one_waits_for_them() {
    let port = Port::open(2, Together::default());
    let mut busy = [port.served().await, port.served().await];
    for client in &mut busy {
        client.write_all(b"1").await.unwrap();
    }
    let mut new = port.connect();
    let waited = timeout(Duration::from_secs(600), new.read_u8()).await;
    assert!(waited.is_err());
    assert_eq!(port.connections.counted().shed, 0);
    port.go_on.add_permits(2);
    for client in &mut busy {
        assert_eq!(within(client.read_u8()).await.unwrap(), b'+');
    }
    hello(&mut new).await;
    assert_eq!(port.connections.counted().shed, 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_when_the_server_ends_is_served() {
    let port = Port::open(1, Together::default());
    let mut first = port.served().await;
    first.write_all(b"1").await.unwrap();
    let mut waits = port.connect();
    let waited = timeout(Duration::from_secs(10), waits.read_u8()).await;
    assert!(waited.is_err());
    port.stop.send(Duration::from_secs(60)).unwrap();
    assert_eq!(port.task.await.unwrap(), Drained { aborted: 0 });
    closed(&mut first).await;
}

#[tokio::test(start_paused = true)]
async fn two_ports_share_what_there_is() {
    let together = Together::new(3);
    let one = Port::open(2, together.clone());
    let other = Port::open(2, together);
    let mut idle = [one.served().await, one.served().await];
    let _third = other.served().await;
    // Three are all there may be; the second port has one, which is closed for the next.
    let since = Instant::now();
    let _fourth = other.served().await;
    assert_eq!(since.elapsed().as_secs(), 2);
    assert_eq!(other.connections.counted().shed, 1);
    assert_eq!(one.connections.counted().shed, 0);
    // What becomes free on one port is there for the other.
    let waits = other.connect();
    drop(idle);
    idle = [waits, other.connect()];
    hello(&mut idle[0]).await;
}

#[tokio::test(start_paused = true)]
async fn want_of_descriptors_is_waited_out_and_idle_connections_give_theirs() {
    let port = Port::open(100, Together::default());
    let mut idle = port.served().await;
    tokio::time::advance(Duration::from_secs(3)).await;
    let since = Instant::now();
    for errno in [24, 23, 12] {
        let error = io::Error::from_raw_os_error(errno);
        port.sender.send(Err(error)).unwrap();
    }
    let _new = port.served().await;
    // Paused for each, and not gone round and round.
    assert_eq!(since.elapsed().as_millis(), 150);
    closed(&mut idle).await;
    let counted = port.connections.counted();
    assert_eq!((counted.failed, counted.shed, counted.open), (3, 1, 1));
}
