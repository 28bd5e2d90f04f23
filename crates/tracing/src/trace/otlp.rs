//! Spans to an OpenTelemetry collector.

use std::time::Duration;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{
    Compression, SpanExporter, WithExportConfig as _, WithHttpConfig as _, WithTonicConfig as _,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::runtime::{Builder, Runtime};
use tonic::metadata::MetadataMap;

use super::config::{self, Protocol, TracerConfig};
use super::export::{Export, StartError};
use super::record::{Parent, Span, Tag};
#[cfg(feature = "tls")]
use super::tls;

/// A collector. It has a runtime of its own, so that exports do not delay requests.
pub(super) struct Collector {
    /// Its URL for the log.
    endpoint: String,
    scope: InstrumentationScope,
    exporter: SpanExporter,
    runtime: OwnedRuntime,
}

/// A runtime that may be dropped within another one, and while it still resolves a name.
struct OwnedRuntime(Option<Runtime>);

impl Drop for OwnedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Collector {
    pub(super) fn new(to: &config::Collector, config: &TracerConfig) -> Result<Self, StartError> {
        // A thread drives the connections between exports too. Otherwise one that the collector has
        // closed meanwhile would only be noticed when the next export fails.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("spans-io")
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let exporter = {
            let _entered = runtime.enter();
            exporter(to)
        };
        let runtime = OwnedRuntime(Some(runtime));
        let mut exporter = exporter.map_err(|reason| StartError::Backend {
            backend: to.redacted_endpoint(),
            reason,
        })?;
        let attributes = config
            .resource
            .iter()
            .map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        exporter.set_resource(
            &Resource::builder_empty()
                .with_attributes(attributes)
                .with_service_name(config.service.clone())
                .build(),
        );
        Ok(Self {
            endpoint: to.redacted_endpoint(),
            scope: InstrumentationScope::builder("streeling")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
            exporter,
            runtime,
        })
    }

    fn data(&self, span: Span) -> SpanData {
        let (parent, is_remote) = match span.parent {
            Some(Parent::Remote(id)) => (SpanId::from(id), true),
            Some(Parent::Local(id)) => (SpanId::from(id), false),
            None => (SpanId::INVALID, false),
        };
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(span.trace_id),
                SpanId::from(span.id),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: parent,
            parent_span_is_remote: is_remote,
            span_kind: if span.is_server {
                SpanKind::Server
            } else {
                SpanKind::Internal
            },
            name: span.name.into(),
            start_time: span.start,
            end_time: span.start + span.took,
            attributes: span
                .tags
                .into_iter()
                .map(|(name, tag)| KeyValue::new(name, value(tag)))
                .collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if span.has_failed {
                Status::error("")
            } else {
                Status::Unset
            },
            instrumentation_scope: self.scope.clone(),
        }
    }
}

impl Export for Collector {
    fn export(&mut self, spans: Vec<Span>, timeout: Duration) -> Result<(), String> {
        let spans = spans.into_iter().map(|span| self.data(span)).collect();
        let Some(runtime) = &self.runtime.0 else {
            return Err("the exporter has been stopped".to_owned());
        };
        runtime.block_on(async {
            match tokio::time::timeout(timeout, self.exporter.export(spans)).await {
                Ok(sent) => sent.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no response within {timeout:?}")),
            }
        })
    }

    fn recovery_threshold(&self) -> u32 {
        1
    }

    fn backend(&self) -> String {
        format!("the collector {}", self.endpoint)
    }
}

fn exporter(to: &config::Collector) -> Result<SpanExporter, String> {
    if to.has_tls() && !cfg!(feature = "tls") {
        return Err("https needs the Cargo feature 'tls', which this build lacks".to_owned());
    }
    match to.protocol {
        Protocol::Grpc => {
            let mut builder = SpanExporter::builder()
                .with_tonic()
                .with_endpoint(&to.endpoint)
                .with_timeout(to.timeout)
                .with_metadata(metadata(&to.headers)?);
            if to.gzip {
                builder = builder.with_compression(Compression::Gzip);
            }
            #[cfg(feature = "tls")]
            if to.has_tls() {
                builder = builder.with_tls_config(tls::of_grpc(&to.tls)?);
            }
            builder.build()
        }
        Protocol::HttpProtobuf => {
            let mut builder = SpanExporter::builder()
                .with_http()
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_endpoint(&to.endpoint)
                .with_timeout(to.timeout)
                .with_headers(to.headers.iter().cloned().collect());
            if to.gzip {
                builder = builder.with_compression(Compression::Gzip);
            }
            #[cfg(feature = "tls")]
            if to.has_tls() {
                builder = builder.with_http_client(tls::http_client(&to.tls, to.timeout)?);
            }
            builder.build()
        }
    }
    .map_err(|error| error.to_string())
}

fn metadata(headers: &[(String, String)]) -> Result<MetadataMap, String> {
    let mut metadata = MetadataMap::new();
    for (name, value) in headers {
        let name: tonic::metadata::AsciiMetadataKey = name
            .to_ascii_lowercase()
            .parse()
            .map_err(|_| format!("{name:?} is not a valid header name"))?;
        let value = value
            .parse()
            .map_err(|_| format!("the value of {name:?} is not a valid header value"))?;
        metadata.insert(name, value);
    }
    Ok(metadata)
}

fn value(tag: Tag) -> Value {
    match tag {
        Tag::Bool(flag) => flag.into(),
        Tag::Int(number) => number.into(),
        Tag::Float(number) => number.into(),
        Tag::Text(text) => Value::String(text.into()),
    }
}
