//! TLS to a collector.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::HttpsConnectorBuilder;
use opentelemetry_http::HttpClient;
use opentelemetry_http::hyper::HyperClient;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tonic::transport::{ClientTlsConfig, Identity};

use super::config::CollectorTls;

/// The variables that the files come from, for messages about them.
const AUTHORITIES: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE";
const KEY: &str = "OTEL_EXPORTER_OTLP_CLIENT_KEY";

/// TLS for gRPC.
pub(super) fn of_grpc(tls: &CollectorTls) -> Result<ClientTlsConfig, String> {
    // It is built for its errors, which name the files; tonic's do not.
    client_config(tls)?;
    let config = ClientTlsConfig::new().trust_anchors(roots(tls)?.roots);
    Ok(match &tls.client {
        Some((certificate, key)) => {
            let certificate = read(CERTIFICATE, certificate)?;
            config.identity(Identity::from_pem(certificate, read(KEY, key)?))
        }
        None => config,
    })
}

/// A client of HTTP that has it.
pub(super) fn http_client(
    tls: &CollectorTls,
    timeout: Duration,
) -> Result<impl HttpClient + use<>, String> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(client_config(tls)?)
        .https_only()
        .enable_http1()
        .build();
    Ok(HyperClient::new(connector, timeout, None))
}

fn client_config(tls: &CollectorTls) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots(tls)?);
    let Some((certificate_file, key_file)) = &tls.client else {
        return Ok(builder.with_no_client_auth());
    };
    let certificates = certificates(CERTIFICATE, certificate_file)?;
    // What is wrong with a key is said without a part of it.
    let key = PrivateKeyDer::from_pem_slice(&read(KEY, key_file)?)
        .map_err(|_| about(KEY, key_file, "it has no private key in PEM"))?;
    builder
        .with_client_auth_cert(certificates, key)
        .map_err(|error| about(KEY, key_file, &error.to_string()))
}

/// Who may have signed the collector's certificate.
fn roots(tls: &CollectorTls) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match &tls.authorities {
        Some(path) => {
            for certificate in certificates(AUTHORITIES, path)? {
                let added = roots.add(certificate);
                added.map_err(|error| about(AUTHORITIES, path, &error.to_string()))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(format!(
                    "the system has no certificates of authorities: name those of the collector \
                     in {AUTHORITIES}"
                ));
            }
        }
    }
    Ok(roots)
}

fn certificates(variable: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(variable, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(about(variable, path, "it has no certificate in PEM")),
    }
}

fn read(variable: &str, path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| about(variable, path, &error.to_string()))
}

fn about(variable: &str, path: &Path, what: &str) -> String {
    format!("{variable}: {}: {what}", path.display())
}
