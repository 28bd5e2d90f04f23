//! TLS in memory: what a transport sees of it.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore};
use streeling_net::{
    ActiveIo, Activity, Connection, Listener, Tls, TlsConfig, TlsIo, TlsVersion, WriteClock,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// What a pipe between client and server has room for.
const PIPE: usize = 1024;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(7);

/// A listener that gives one connection.
struct Pipe(Option<DuplexStream>);

impl Listener for Pipe {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<Connection<DuplexStream>> {
        match self.0.take() {
            Some(io) => Ok(Connection::new(io, None)),
            None => pending().await,
        }
    }

    fn close(self) -> Vec<Connection<DuplexStream>> {
        let waiting = self.0.into_iter();
        waiting.map(|io| Connection::new(io, None)).collect()
    }
}

/// A server with a certificate of its own, and a client that knows it.
struct Setup {
    tls: Tls,
    connector: TlsConnector,
    _folder: tempfile::TempDir,
}

impl Setup {
    fn new() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["a".to_owned()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("crt"), folder.path().join("key"));
        fs::write(&certificate, cert.pem()).unwrap();
        fs::write(&key, signing_key.serialize_pem()).unwrap();
        let tls = Tls::load(TlsConfig {
            certificate,
            key,
            client_ca: None,
            least: TlsVersion::Tls12,
            handshake_timeout: HANDSHAKE_TIMEOUT,
        });
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            tls: tls.unwrap(),
            connector: TlsConnector::from(Arc::new(client)),
            _folder: folder,
        }
    }

    /// The server's end of a connection, and the client's without TLS.
    async fn pipe(&self) -> (TlsIo<DuplexStream>, DuplexStream) {
        let (client, server) = duplex(PIPE);
        let mut listener = self.tls.listener(Pipe(Some(server)), &[]);
        (listener.accept().await.unwrap().io, client)
    }

    /// The same with TLS, over which a byte has come.
    async fn open(&self) -> (TlsIo<DuplexStream>, TlsStream<DuplexStream>) {
        let (mut server, client) = self.pipe().await;
        let speak = async {
            let name = "a".try_into().unwrap();
            let mut client = self.connector.connect(name, client).await.unwrap();
            client.write_u8(1).await.unwrap();
            client
        };
        let (client, byte) = tokio::join!(speak, server.read_u8());
        assert_eq!(byte.unwrap(), 1);
        (server, client)
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_handshake_is_not_a_client_that_does_not_read() {
    let setup = Setup::new();
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let (mut server, mut client) = setup.pipe().await;
        client.write_all(start).await.unwrap();
        let since = Instant::now();
        let error = server.read_u8().await.unwrap_err();
        assert_eq!(since.elapsed(), HANDSHAKE_TIMEOUT);
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted, "{error}");
    }
    let counts = setup.tls.counts();
    assert_eq!((counts.late, counts.failed, counts.completed), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failed_handshake_counts_once_though_its_client_stays() {
    let setup = Setup::new();
    for (start, is_plain) in [
        (&b"\x16\x03\x01\x00\x04\xff\x00\x00\x00"[..], false),
        (b"GET / ", true),
    ] {
        let (mut server, mut client) = setup.pipe().await;
        client.write_all(start).await.unwrap();
        assert!(server.read_u8().await.is_err());
        let counts = setup.tls.counts();
        assert_eq!((counts.failed, counts.plain), (1, u64::from(is_plain)));
        assert_eq!((counts.late, counts.completed), (0, 0));
        // Nothing is read or written after that.
        assert!(server.write_all(b"x").await.is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_tls_holds_back_keep_a_connection_busy_and_run_the_clock() {
    let setup = Setup::new();
    let (server, mut client) = setup.open().await;
    let activity = Activity::default();
    let limit = Duration::from_secs(3);
    let mut server = WriteClock::new(ActiveIo::new(server, activity.clone()), limit);
    let body = vec![7; 16 * PIPE];
    // TLS takes it all, and the client none of it.
    server.write_all(&body).await.unwrap();
    assert!(timeout(limit / 2, server.flush()).await.is_err());
    assert!(!activity.is_idle(), "it would be closed for others");
    let mut received = vec![0; body.len()];
    let (flushed, read) = tokio::join!(server.flush(), client.read_exact(&mut received));
    flushed.unwrap();
    read.unwrap();
    assert!(received == body && activity.is_idle());

    server.write_all(&body).await.unwrap();
    let since = Instant::now();
    let error = server.flush().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
    assert_eq!(since.elapsed(), limit);
}

/// Whether the client has taken what was written, or there is room for it.
async fn is_flushed(server: &mut TlsIo<DuplexStream>) -> bool {
    timeout(HANDSHAKE_TIMEOUT, server.flush()).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_bytes_to_send_and_not_for_the_last_word_of_tls() {
    let setup = Setup::new();
    let (mut server, mut client) = setup.open().await;
    let mut fitting = 0;
    let shutdown = async |server: &mut TlsIo<DuplexStream>| {
        timeout(HANDSHAKE_TIMEOUT, server.shutdown()).await
    };
    loop {
        server.write_all(b"x").await.unwrap();
        if !is_flushed(&mut server).await {
            break;
        }
        fitting += 1;
    }
    assert!(shutdown(&mut server).await.is_err());
    let mut received = vec![0; fitting + 1];
    let (ended, read) = tokio::join!(server.shutdown(), client.read_exact(&mut received));
    ended.unwrap();
    read.unwrap();

    let (mut server, mut client) = setup.open().await;
    for _ in 0..fitting {
        server.write_all(b"x").await.unwrap();
        assert!(is_flushed(&mut server).await);
    }
    shutdown(&mut server).await.unwrap().unwrap();
    drop(server);
    client.read_exact(&mut received[..fitting]).await.unwrap();
}
