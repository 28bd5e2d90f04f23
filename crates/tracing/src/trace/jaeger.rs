//! Spans to a Jaeger agent.

// The crate says of itself that OTLP is the way to go on. Whoever runs agents has not gone it yet.
#![expect(deprecated, reason = "an archived crate, behind a feature of its own")]

use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::time::Duration;

use futures_util::FutureExt as _;
use opentelemetry_jaeger::Exporter;
use opentelemetry_old::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry_old::{KeyValue, Value};
use opentelemetry_sdk_old::Resource;
use opentelemetry_sdk_old::export::trace::{SpanData, SpanExporter as _};
use opentelemetry_sdk_old::trace::{Config, SpanEvents, SpanLinks};

use super::config::{self, TracerConfig};
use super::export::Export;
use super::record::{Parent, Span, Tag};

/// An agent, looked up anew after every failure.
pub(super) struct Agent {
    to: config::Agent,
    service: String,
    resource: Vec<(String, String)>,
    exporter: Option<Exporter>,
}

impl Agent {
    pub(super) fn new(to: &config::Agent, config: &TracerConfig) -> Self {
        Self {
            to: to.clone(),
            service: config.service.clone(),
            resource: config.resource.clone(),
            exporter: None,
        }
    }

    fn connect(&self) -> Result<Exporter, String> {
        let agent = (self.to.host.as_str(), self.to.port)
            .to_socket_addrs()
            .map_err(|error| error.to_string())?
            .next()
            .ok_or("the name has no address")?;
        let mut resource: Vec<KeyValue> = self
            .resource
            .iter()
            .map(|(name, value)| KeyValue::new(name.clone(), value.clone()))
            .collect();
        resource.push(KeyValue::new(
            "jaeger.version",
            concat!("streeling-", env!("CARGO_PKG_VERSION")),
        ));
        if let Some(ip) = own_address(agent) {
            resource.push(KeyValue::new("ip", ip));
        }
        opentelemetry_jaeger::new_agent_pipeline()
            .with_endpoint(agent.to_string())
            .with_service_name(self.service.clone())
            .with_auto_split_batch(true)
            .with_instrumentation_library_tags(false)
            .with_trace_config(Config::default().with_resource(Resource::new(resource)))
            .build_sync_agent_exporter()
            .map_err(|error| error.to_string())
    }
}

impl Export for Agent {
    fn export(&mut self, spans: Vec<Span>, _timeout: Duration) -> Result<(), String> {
        let mut exporter = match self.exporter.take() {
            Some(exporter) => exporter,
            None => self.connect()?,
        };
        // Nothing in it waits: a datagram is gone at once, or not at all.
        let sent = exporter
            .export(spans.into_iter().map(data).collect())
            .now_or_never()
            .ok_or("the exporter waits")?;
        sent.map_err(|error| error.to_string())?;
        self.exporter = Some(exporter);
        Ok(())
    }

    /// Nobody answers a datagram. That there is no agent shows in the one after it, so every second batch
    /// seems to go well.
    fn proof(&self) -> u32 {
        3
    }

    fn backend(&self) -> String {
        format!("the Jaeger agent {}:{}", self.to.host, self.to.port)
    }
}

/// The address that this machine has towards the agent. No packet is sent to learn it.
fn own_address(agent: SocketAddr) -> Option<String> {
    let any = if agent.is_ipv4() {
        "0.0.0.0:0"
    } else {
        "[::]:0"
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect(agent).ok()?;
    Some(socket.local_addr().ok()?.ip().to_string())
}

fn data(span: Span) -> SpanData {
    let parent = match span.parent {
        Some(Parent::Theirs(id) | Parent::Ours(id)) => SpanId::from(id),
        None => SpanId::INVALID,
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
        // Becomes the tag `span.kind`.
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
        // Becomes the tag `error`.
        status: if span.has_failed {
            Status::error("")
        } else {
            Status::Unset
        },
        resource: std::borrow::Cow::Owned(Resource::empty()),
        instrumentation_lib: opentelemetry_sdk_old::InstrumentationLibrary::default(),
    }
}

fn value(tag: Tag) -> Value {
    match tag {
        Tag::Bool(is) => is.into(),
        Tag::Int(number) => number.into(),
        Tag::Float(number) => number.into(),
        Tag::Text(text) => Value::String(text.into()),
    }
}
