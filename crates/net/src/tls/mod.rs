//! TLS on a port, as a layer between the port and what is spoken there.

mod config;
mod counts;
mod handshake;
mod load;
mod plain;

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::files::{Errors, Files};
use crate::listener::{Connection, Listener};
use crate::offload::Offload;

use counts::Counters;
use handshake::Handshake;
use load::Loaded;

pub use config::{TlsConfig, TlsError, TlsFile, TlsVersion};
pub use counts::TlsCounts;
pub use handshake::TlsIo;

/// TLS with a certificate that may change. Clones share it.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: TlsConfig,
    files: Files,
    current: RwLock<Loaded>,
    counters: Arc<Counters>,
    offload: Arc<Offload>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] for the first file that cannot be used.
    pub fn load(config: TlsConfig) -> Result<Self, TlsError> {
        let paths = [Some(&config.certificate), Some(&config.key)].into_iter();
        let paths = paths.chain([config.client_ca.as_ref()]).flatten();
        let files = Files::now(paths.cloned().collect());
        let current = RwLock::new(load::load(&config)?);
        Ok(Self(Arc::new(Inner {
            config,
            files,
            current,
            counters: Arc::default(),
            offload: Arc::default(),
        })))
    }

    /// From now on the files are read again when they change. Connections that are there stay as
    /// they are. Where the files cannot be used, the old ones stay, and the log says so.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn follow(&self) -> io::Result<()> {
        let (alive, inner) = (Arc::downgrade(&self.0), Arc::downgrade(&self.0));
        let is_needed = move || alive.strong_count() > 0;
        let mut errors = Errors::default();
        let files = self.0.files.clone();
        files.follow(is_needed, move |has_changed| match inner.upgrade() {
            Some(inner) => inner.reload(has_changed, &mut errors),
            None => true,
        })
    }

    /// Speaks TLS on what a listener gives. The protocols are those that clients can choose from by
    /// ALPN; a client that names none of them is refused, one that names none at all is not.
    pub fn listener<L: Listener>(
        &self,
        inner: L,
        protocols: &'static [&'static str],
    ) -> TlsListener<L> {
        TlsListener {
            inner,
            wrapper: Wrapper::new(&self.0, protocols),
        }
    }

    /// What has been counted so far.
    #[must_use]
    pub fn counts(&self) -> TlsCounts {
        self.0.counters.read()
    }
}

impl Inner {
    fn current(&self) -> Loaded {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the files are in use now.
    fn reload(&self, has_changed: bool, errors: &mut Errors) -> bool {
        let certificate = self.config.certificate.display();
        match load::load(&self.config) {
            Ok(loaded) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
                self.counters.reloaded.increment();
                tracing::info!(%certificate, "the TLS files are read again, for new connections");
                true
            }
            Err(error) => {
                if errors.is_new(has_changed, &error) {
                    self.counters.kept.increment();
                    tracing::error!(
                        "the TLS certificate and key stay as they were: a file that changed cannot \
                         be used: {error}"
                    );
                }
                false
            }
        }
    }
}

fn with_protocols(base: &ServerConfig, protocols: &[&str]) -> Arc<ServerConfig> {
    let mut config = base.clone();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

/// Connections of another listener with TLS on them. The handshake is part of a connection's first
/// read, so that it holds up no other connection.
pub struct TlsListener<L> {
    inner: L,
    wrapper: Wrapper,
}

/// Puts TLS on connections.
struct Wrapper {
    tls: Arc<Inner>,
    protocols: &'static [&'static str],
    /// What `config` was made of.
    base: Loaded,
    config: Arc<ServerConfig>,
}

impl Wrapper {
    fn new(tls: &Arc<Inner>, protocols: &'static [&'static str]) -> Self {
        let base = tls.current();
        Self {
            tls: Arc::clone(tls),
            protocols,
            config: with_protocols(&base.server, protocols),
            base,
        }
    }

    fn wrap<Io>(&mut self, connection: Connection<Io>) -> Connection<TlsIo<Io>>
    where
        Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let current = self.tls.current();
        if !Arc::ptr_eq(&current.server, &self.base.server) {
            self.config = with_protocols(&current.server, self.protocols);
            self.base = current;
        }
        let Connection { io, peer, .. } = connection;
        let handshake = Handshake {
            config: Arc::clone(&self.config),
            timeout: self.tls.config.handshake_timeout,
            counters: Arc::clone(&self.tls.counters),
            offload: self.base.is_slow.then(|| Arc::clone(&self.tls.offload)),
            peer,
        };
        Connection::new(TlsIo::new(io, handshake), peer)
    }
}

impl<L: Listener> Listener for TlsListener<L> {
    type Io = TlsIo<L::Io>;

    async fn accept(&mut self) -> io::Result<Connection<Self::Io>> {
        let connection = self.inner.accept().await?;
        Ok(self.wrapper.wrap(connection))
    }

    fn close(self) -> Vec<Connection<Self::Io>> {
        let Self { inner, mut wrapper } = self;
        let waiting = inner.close().into_iter();
        waiting.map(|connection| wrapper.wrap(connection)).collect()
    }
}

impl<L> fmt::Debug for TlsListener<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsListener")
            .field("config", &self.wrapper.tls.config)
            .field("protocols", &self.wrapper.protocols)
            .finish_non_exhaustive()
    }
}
