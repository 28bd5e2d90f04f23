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

/// A collector, with a runtime of its own: spans are not to take turns with requests.
pub(super) struct Collector {
    /// Its URL, for a log.
    shown: String,
    scope: InstrumentationScope,
    exporter: SpanExporter,
    runtime: Own,
}

/// A runtime that may be let go of anywhere: within another one, and while it still looks up a name.
struct Own(Option<Runtime>);

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Collector {
    pub(super) fn new(to: &config::Collector, config: &TracerConfig) -> Result<Self, StartError> {
        // A thread drives the connections between exports too, or one that the collector has closed
        // meanwhile would be found out by the next batch.
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
        let runtime = Own(Some(runtime));
        let mut exporter = exporter.map_err(|reason| StartError::Backend {
            backend: to.shown(),
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
            shown: to.shown(),
            scope: InstrumentationScope::builder("streeling")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
            exporter,
            runtime,
        })
    }

    fn data(&self, span: Span) -> SpanData {
        let (parent, is_remote) = match span.parent {
            Some(Parent::Theirs(id)) => (SpanId::from(id), true),
            Some(Parent::Ours(id)) => (SpanId::from(id), false),
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
            return Err("it has been stopped".to_owned());
        };
        runtime.block_on(async {
            match tokio::time::timeout(timeout, self.exporter.export(spans)).await {
                Ok(sent) => sent.map_err(|error| error.to_string()),
                Err(_) => Err(format!("no answer within {timeout:?}")),
            }
        })
    }

    fn proof(&self) -> u32 {
        1
    }

    fn backend(&self) -> String {
        format!("the collector {}", self.shown)
    }
}

fn exporter(to: &config::Collector) -> Result<SpanExporter, String> {
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
            .map_err(|_| format!("{name:?} is no name of a header"))?;
        let value = value
            .parse()
            .map_err(|_| format!("the value of {name:?} is none of a header"))?;
        metadata.insert(name, value);
    }
    Ok(metadata)
}

fn value(tag: Tag) -> Value {
    match tag {
        Tag::Bool(is) => is.into(),
        Tag::Int(number) => number.into(),
        Tag::Float(number) => number.into(),
        Tag::Text(text) => Value::String(text.into()),
    }
}
