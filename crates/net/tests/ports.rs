//! Ports as the system has them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use streeling_net::{BindError, Connection, Drain, Drained, Transport, bind, serve};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Greets, and says goodbye when the server ends.
struct Greeter;

impl Transport for Greeter {
    fn handle<Io>(
        &self,
        connection: Connection<Io>,
        drain: Drain,
    ) -> impl Future<Output = ()> + Send + 'static
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        greet(connection, drain)
    }
}

async fn greet<Io>(mut connection: Connection<Io>, mut drain: Drain)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    assert!(connection.peer.unwrap().ip().is_loopback());
    connection.io.write_all(b"hello ").await.unwrap();
    drain.started().await;
    assert!(drain.has_started());
    connection.io.write_all(b"goodbye").await.unwrap();
}

#[tokio::test]
async fn a_port_is_reserved_first_and_opened_later() {
    let bound = bind(ANY).unwrap();
    let address = bound.local_addr();
    assert_ne!(address.port(), 0);
    assert!(TcpStream::connect(address).await.is_err());
    let port = bound.listen().unwrap();
    assert_eq!(port.local_addr(), address);
    assert!(TcpStream::connect(address).await.is_ok());
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_named() {
    let taken = bind(ANY).unwrap().listen().unwrap().local_addr();
    // Nothing listens any more, so it may be had again.
    drop(bind(taken).unwrap());
    let port = bind(ANY).unwrap().listen().unwrap();
    let error = bind(port.local_addr()).unwrap_err();
    assert!(matches!(error, BindError::InUse { address } if address == port.local_addr()));
    assert_eq!(
        error.to_string(),
        format!("port {} is in use at 127.0.0.1", port.local_addr().port())
    );
    let error = bind("203.0.113.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(error, BindError::Other { .. }), "{error}");
}

#[tokio::test]
async fn connections_that_wait_when_the_server_ends_are_served() {
    let port = bind(ANY).unwrap().listen().unwrap();
    let address = port.local_addr();
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve(port, Greeter, async { stopped.await.unwrap() }));
    let mut early = TcpStream::connect(address).await.unwrap();
    let mut hello = [0; 6];
    early.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"hello ");
    // The kernel accepts this one; the server may not have come to it.
    let mut late = TcpStream::connect(address).await.unwrap();
    stop.send(Duration::from_secs(20)).unwrap();
    assert_eq!(serving.await.unwrap(), Drained { aborted: 0 });
    let mut rest = String::new();
    early.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "goodbye");
    rest.clear();
    late.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "hello goodbye");
    assert!(TcpStream::connect(address).await.is_err());
}
