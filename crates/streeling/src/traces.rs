//! The tracer, as the settings want it.

use std::sync::Arc;
use std::time::Duration;

use streeling_config::{Propagator, Sampler, Settings, TraceExporter, Tracing};
use streeling_tracing::{Backend, Carrier, Limits, Sampling, Tracer, TracerConfig};

use crate::error::ServeError;

/// Time for the last spans: what the pod has left after the drain.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(1);

/// Starts the tracer, if tracing is on.
pub(crate) fn start(settings: &Settings) -> Result<Option<Arc<Tracer>>, ServeError> {
    let config = settings.tracing.as_ref().and_then(config);
    let tracer = config.map(|config| Tracer::start(&config)).transpose()?;
    Ok(tracer.map(Arc::new))
}

/// Exports the last spans.
pub(crate) async fn stop(tracer: Arc<Tracer>) {
    // The only error is a panic, which has been logged.
    #[expect(clippy::disallowed_methods, reason = "once, at the end of the server")]
    let _ = tokio::task::spawn_blocking(move || tracer.stop(EXPORT_TIMEOUT)).await;
}

/// `None` for an exporter that is not in this build, which settings read for this build never name.
fn config(settings: &Tracing) -> Option<TracerConfig> {
    let mut resource: Vec<(String, String)> = settings
        .resource
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let (backend, host) = match &settings.exporter {
        #[cfg(feature = "jaeger")]
        TraceExporter::Jaeger(agent) => (
            Backend::Jaeger(streeling_tracing::Agent {
                host: agent.host.clone(),
                port: agent.port,
            }),
            "hostname",
        ),
        #[cfg(feature = "otlp")]
        TraceExporter::Otlp(collector) => (
            Backend::Otlp(streeling_tracing::Collector {
                protocol: match collector.protocol {
                    streeling_config::OtlpProtocol::Grpc => streeling_tracing::Protocol::Grpc,
                    streeling_config::OtlpProtocol::HttpProtobuf => {
                        streeling_tracing::Protocol::HttpProtobuf
                    }
                },
                endpoint: collector.endpoint.clone(),
                headers: collector.headers.clone(),
                timeout: collector.timeout,
                gzip: collector.gzip,
                tls: streeling_tracing::CollectorTls {
                    authorities: collector.tls.authorities.clone(),
                    client: collector.tls.client.clone(),
                },
            }),
            "host.name",
        ),
        #[cfg(not(all(feature = "jaeger", feature = "otlp")))]
        _ => return None,
    };
    if !settings.resource.contains_key(host) {
        let system = rustix::system::uname();
        let name = system.nodename().to_string_lossy().into_owned();
        resource.push((host.to_owned(), name));
    }
    Some(TracerConfig {
        backend,
        service: settings.service.clone(),
        resource,
        tags: settings.tags.clone(),
        sampling: Sampling {
            sampler: match settings.sampling.sampler {
                Sampler::Const(all) => streeling_tracing::Sampler::Const(all),
                Sampler::Probabilistic(part) => streeling_tracing::Sampler::Probabilistic(part),
                Sampler::RateLimiting(rate) => streeling_tracing::Sampler::RateLimiting(rate),
            },
            follows_caller: settings.sampling.follows_caller,
        },
        carriers: settings
            .propagators
            .iter()
            .map(|propagator| match propagator {
                Propagator::Jaeger => Carrier::Jaeger,
                Propagator::TraceContext => Carrier::TraceContext,
                Propagator::B3 => Carrier::B3,
            })
            .collect(),
        limits: Limits {
            queue: settings.limits.queue,
            batch: settings.limits.batch,
            delay: settings.limits.delay,
            timeout: settings.limits.timeout,
        },
    })
}
