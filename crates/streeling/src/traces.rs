//! Traces, where the settings switch them on and the build has an exporter.

#[cfg(not(any(feature = "jaeger", feature = "otlp")))]
pub(crate) use absent::Traces;
#[cfg(any(feature = "jaeger", feature = "otlp"))]
pub(crate) use present::Traces;

#[cfg(any(feature = "jaeger", feature = "otlp"))]
mod present {
    use std::sync::Arc;
    use std::time::Duration;

    use streeling_config::{Propagator, Sampler, Settings, TraceExporter, Tracing};
    use streeling_core::{Figures, Observer};
    use streeling_tracing::{Backend, Carrier, Limits, Sampling, Tracer, TracerConfig};

    use crate::ServeError;

    /// What the last spans may take at the end: what the pod has left after the drain.
    const LAST_GRACE: Duration = Duration::from_secs(1);

    /// The tracer, if tracing is on.
    #[derive(Debug)]
    pub(crate) struct Traces(Option<Arc<Tracer>>);

    impl Traces {
        pub(crate) fn start(settings: &Settings) -> Result<Self, ServeError> {
            let Some(config) = settings.tracing.as_ref().and_then(config) else {
                return Ok(Self(None));
            };
            Ok(Self(Some(Arc::new(Tracer::start(&config)?))))
        }

        /// Who is to be told of requests.
        pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
            let tracer = self.0.clone()?;
            Some(tracer)
        }

        /// What has become of the spans.
        #[expect(dead_code, reason = "nobody shows figures yet")]
        pub(crate) fn figures(&self) -> Option<Figures> {
            self.0.as_ref().map(|tracer| tracer.figures())
        }

        /// Sends what is left.
        pub(crate) async fn end(self) {
            if let Some(tracer) = self.0 {
                // An error is a panic in it, which has been said then.
                #[expect(clippy::disallowed_methods, reason = "once, at the end of the server")]
                let _ = tokio::task::spawn_blocking(move || tracer.stop(LAST_GRACE)).await;
            }
        }
    }

    /// `None` for an exporter that is not in this build, which settings made for its parts never name.
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
}

#[cfg(not(any(feature = "jaeger", feature = "otlp")))]
mod absent {
    use std::sync::Arc;

    use streeling_config::Settings;
    use streeling_core::{Figures, Observer};

    use crate::ServeError;

    /// Nobody traces in this build.
    #[derive(Debug)]
    pub(crate) struct Traces;

    impl Traces {
        #[expect(
            clippy::unnecessary_wraps,
            reason = "as where there is something to start"
        )]
        pub(crate) fn start(_settings: &Settings) -> Result<Self, ServeError> {
            Ok(Self)
        }

        #[expect(clippy::unused_self, reason = "as where there is somebody")]
        pub(crate) fn observer(&self) -> Option<Arc<dyn Observer>> {
            None
        }

        #[expect(dead_code, reason = "nobody shows figures yet")]
        pub(crate) fn figures(&self) -> Option<Figures> {
            None
        }

        #[expect(clippy::unused_async, reason = "as where something is left to send")]
        pub(crate) async fn end(self) {}
    }
}
