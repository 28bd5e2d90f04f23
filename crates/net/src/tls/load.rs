//! Reading the files.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, RootCertStore, ServerConfig, SignatureAlgorithm, SupportedProtocolVersion};

use super::config::{TlsConfig, TlsError, TlsFile, TlsVersion};
use crate::files;

/// What TLS is to be spoken with.
#[derive(Clone)]
pub(super) struct Loaded {
    /// The protocols of ALPN are up to the port.
    pub(super) server: Arc<ServerConfig>,
    /// Whether a handshake computes for longer than a thread that moves bytes should: to sign with
    /// RSA takes a millisecond and more.
    pub(super) is_slow: bool,
}

/// Reads the files.
pub(super) fn load(config: &TlsConfig) -> Result<Loaded, TlsError> {
    let provider = Arc::new(ring::default_provider());
    let key = certified(config, &provider)?;
    let is_slow = key.key.algorithm() == SignatureAlgorithm::RSA;
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions(config.least));
    let builder = match builder {
        Ok(builder) => builder,
        Err(error) => unreachable!("ring has the ciphers of these versions: {error}"),
    };
    let builder = match &config.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let fail = |reason| fail(TlsFile::ClientCa, path, reason);
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path).map_err(fail)? {
                roots
                    .add(certificate)
                    .map_err(|error| fail(format!("it has no usable certificate: {error}")))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().map_err(|e| fail(e.to_string()))?)
        }
    };
    let resolver = rustls::sign::SingleCertAndKey::from(key);
    let mut server = builder.with_cert_resolver(Arc::new(resolver));
    if config.client_ca.is_some() {
        // A session that is taken up again would count for a certificate that has ended meanwhile.
        server.session_storage = Arc::new(NoServerSessionStorage {});
    }
    Ok(Loaded {
        server: Arc::new(server),
        is_slow,
    })
}

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static NEWEST: [&SupportedProtocolVersion; 1] = [&TLS13];

fn versions(least: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    match least {
        TlsVersion::Tls12 => &BOTH,
        TlsVersion::Tls13 => &NEWEST,
    }
}

/// The certificate with its key, which belong together.
fn certified(config: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(&config.certificate)
        .map_err(|reason| fail(TlsFile::Certificate, &config.certificate, reason))?;
    let fail_key = |reason| fail(TlsFile::Key, &config.key, reason);
    let key = private_key(&config.key).map_err(fail_key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        Error::InconsistentKeys(_) => {
            let certificate = config.certificate.display();
            fail_key(format!(
                "the key does not belong to the certificate in {certificate}"
            ))
        }
        Error::InvalidCertificate(_) => fail(
            TlsFile::Certificate,
            &config.certificate,
            format!("it has no usable certificate: {error}"),
        ),
        _ => fail_key("the key is of no kind that is known: RSA, ECDSA or Ed25519".to_owned()),
    })
}

fn fail(file: TlsFile, path: &Path, reason: String) -> TlsError {
    TlsError {
        file,
        path: path.to_owned(),
        reason,
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = files::read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|_| "it is not valid PEM".to_owned())?;
    if found.is_empty() {
        return Err("it has no certificate in PEM".to_owned());
    }
    Ok(found)
}

/// What is wrong is said without a part of the file, which may be a key.
fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    const ENCRYPTED: &[u8] = b"ENCRYPTED";
    let text = files::read(path)?;
    let is_encrypted = text.windows(ENCRYPTED.len()).any(|part| part == ENCRYPTED);
    if is_encrypted {
        return Err("the key is encrypted, allowed is one without a password".to_owned());
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => "it has no private key in PEM".to_owned(),
        _ => "it is not valid PEM".to_owned(),
    })
}
