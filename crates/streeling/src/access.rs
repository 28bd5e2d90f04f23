//! Who may come in on which port: TLS and the bearer token, as the settings want them.

use std::time::Duration;

use streeling_config::{Settings, TokenSource};
#[cfg(feature = "metrics")]
use streeling_core::MetricSource;
use streeling_net::{BearerToken, Connections, Drained, TcpPort, Transport, serve_within};
#[cfg(feature = "tls")]
use streeling_net::{Tls, TlsConfig, TlsFile, TlsVersion};

use crate::error::ServeError;

/// What can be spoken on a port, for clients that choose by ALPN.
#[cfg(any(feature = "rest", feature = "metrics"))]
pub(crate) const HTTP1: &[&str] = &["http/1.1"];
#[cfg(feature = "grpc")]
pub(crate) const HTTP2: &[&str] = &["h2"];

/// What holds on ports. Clones share the files.
#[derive(Clone)]
pub(crate) struct Access {
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    token: Option<BearerToken>,
}

impl Access {
    /// Reads the files.
    pub(crate) fn load(settings: &Settings) -> Result<Self, ServeError> {
        Ok(Self {
            #[cfg(feature = "tls")]
            tls: settings.security.tls.as_ref().map(tls).transpose()?,
            token: settings.security.token.as_ref().map(token).transpose()?,
        })
    }

    /// From now on the files are read again when they change.
    pub(crate) fn follow(&self) -> Result<(), ServeError> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            tls.follow().map_err(ServeError::Secrets)?;
        }
        if let Some(token) = &self.token {
            token.follow().map_err(ServeError::Secrets)?;
        }
        Ok(())
    }

    /// The same for the metrics port, which has TLS only if that is asked for.
    #[cfg(feature = "metrics")]
    pub(crate) fn of_metrics(&self, settings: &Settings) -> Self {
        let metrics = self.clone();
        #[cfg(feature = "tls")]
        let metrics = Self {
            tls: metrics.tls.filter(|_| has_metrics_tls(settings)),
            ..metrics
        };
        #[cfg(not(feature = "tls"))]
        let _ = settings;
        metrics
    }

    /// The token that requests must bring.
    #[cfg(any(feature = "rest", feature = "grpc"))]
    pub(crate) fn token(&self) -> Option<BearerToken> {
        self.token.clone()
    }

    /// How URLs of a port start.
    pub(crate) fn scheme(&self) -> &'static str {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return "https";
        }
        "http"
    }

    /// Serves a port, with TLS if that is on; without it nothing is between port and transport.
    pub(crate) async fn serve(
        &self,
        connections: Connections,
        port: TcpPort,
        transport: impl Transport,
        protocols: &'static [&'static str],
        shutdown: impl Future<Output = Duration> + Send,
    ) -> Drained {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let port = tls.listener(port, protocols);
            return serve_within(connections, port, transport, shutdown).await;
        }
        #[cfg(not(feature = "tls"))]
        let _ = protocols;
        serve_within(connections, port, transport, shutdown).await
    }

    /// What became of handshakes and files.
    #[cfg(feature = "metrics")]
    pub(crate) fn metric_source(&self) -> Option<MetricSource> {
        #[cfg(feature = "tls")]
        if let Some(tls) = self.tls.clone() {
            return Some(std::sync::Arc::new(move |out| metrics(&tls, out)));
        }
        None
    }
}

/// Whether the metrics port has TLS.
#[cfg(all(feature = "metrics", feature = "tls"))]
fn has_metrics_tls(settings: &Settings) -> bool {
    settings
        .security
        .tls
        .as_ref()
        .is_some_and(|tls| tls.metrics)
}

#[cfg(feature = "tls")]
fn tls(settings: &streeling_config::Tls) -> Result<Tls, ServeError> {
    let config = TlsConfig {
        certificate: settings.certificate.clone(),
        key: settings.key.clone(),
        client_ca: settings.client_ca.clone(),
        least: match settings.least {
            streeling_config::TlsVersion::Tls12 => TlsVersion::Tls12,
            streeling_config::TlsVersion::Tls13 => TlsVersion::Tls13,
        },
        handshake_timeout: settings.handshake_timeout,
    };
    Tls::load(config).map_err(|source| ServeError::Tls {
        setting: match source.file {
            TlsFile::Certificate => {
                "--tls-cert-file (STREELING_TLS_CERT_FILE, SELDON_CERT_MOUNT_PATH)"
            }
            TlsFile::Key => "--tls-key-file (STREELING_TLS_KEY_FILE, SELDON_CERT_MOUNT_PATH)",
            TlsFile::ClientCa => "--tls-client-ca-file (STREELING_TLS_CLIENT_CA_FILE)",
        },
        source,
    })
}

fn token(source: &TokenSource) -> Result<BearerToken, ServeError> {
    let (token, setting) = match source {
        TokenSource::File(path) => (
            BearerToken::from_file(path),
            format!(
                "--auth-token-file (STREELING_AUTH_TOKEN_FILE): {}",
                path.display()
            ),
        ),
        TokenSource::Variable(secret) => (
            BearerToken::new(secret.reveal()),
            "STREELING_AUTH_TOKEN".to_owned(),
        ),
    };
    token.map_err(|source| ServeError::Token { setting, source })
}

#[cfg(all(feature = "metrics", feature = "tls"))]
fn metrics(tls: &Tls, out: &mut Vec<streeling_core::Sample>) {
    let counts = tls.counts();
    let sample = |name, help, outcome, value: u64| streeling_core::Sample {
        name,
        help,
        labels: vec![("outcome", std::borrow::Cow::Borrowed(outcome))],
        value: value as f64,
    };
    for (outcome, value) in [
        ("completed", counts.completed),
        ("failed", counts.failed),
        ("late", counts.late),
        ("plain", counts.plain),
    ] {
        out.push(sample(
            "streeling_tls_handshakes_total",
            "TLS handshakes by their outcome; plain: the client did not speak TLS.",
            outcome,
            value,
        ));
    }
    for (outcome, value) in [("taken", counts.reloaded), ("kept", counts.kept)] {
        out.push(sample(
            "streeling_tls_reloads_total",
            "Changes of the TLS files; kept: they could not be used, and the old ones stayed.",
            outcome,
            value,
        ));
    }
}
