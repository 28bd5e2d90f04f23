//! How to speak TLS, and what can be wrong with that.

use std::path::PathBuf;
use std::time::Duration;

/// How to speak TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The server's certificate and those between it and its authority, in PEM, its own first.
    pub certificate: PathBuf,
    /// The key of the certificate, in PEM.
    pub key: PathBuf,
    /// The authorities of clients, in PEM: where they are given, a client must have a certificate.
    pub client_ca: Option<PathBuf>,
    /// The oldest version that is spoken.
    pub least: TlsVersion,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.2.
    Tls12,
    /// 1.3.
    Tls13,
}

/// One of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsFile {
    /// [`TlsConfig::certificate`].
    Certificate,
    /// [`TlsConfig::key`].
    Key,
    /// [`TlsConfig::client_ca`].
    ClientCa,
}

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}", path.display())]
pub struct TlsError {
    /// Which file it is.
    pub file: TlsFile,
    /// Where it lies.
    pub path: PathBuf,
    /// What is wrong with it; no part of a key.
    pub reason: String,
}
