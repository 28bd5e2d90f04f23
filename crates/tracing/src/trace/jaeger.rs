//! Spans to a Jaeger agent.

// The crate is deprecated in favour of OTLP, which Jaeger's agents do not accept.
#![expect(deprecated, reason = "an archived crate, behind a feature of its own")]

use std::borrow::Cow;
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
use opentelemetry_sdk_old::trace::{
    Config, RandomIdGenerator, Sampler, SpanEvents, SpanLimits, SpanLinks,
};

use super::config::{self, TracerConfig};
use super::export::Export;
use super::record::{Parent, Span, Tag};

/// An agent. Its name is resolved again after every failure.
pub(super) struct Agent {
    to: config::Agent,
    service: String,
    resource: Vec<(String, String)>,
    exporter: Option<Exporter>,
    /// How many exporters were created: each uses the next of the addresses.
    attempts: usize,
}

impl Agent {
    pub(super) fn new(to: &config::Agent, config: &TracerConfig) -> Self {
        Self {
            to: to.clone(),
            service: config.service.clone(),
            resource: config.resource.clone(),
            exporter: None,
            attempts: 0,
        }
    }

    fn connect(&mut self) -> Result<Exporter, String> {
        let found = (self.to.host.as_str(), self.to.port)
            .to_socket_addrs()
            .map_err(|error| error.to_string())?;
        let agent =
            address_of_attempt(found.collect(), self.attempts).ok_or("the name has no address")?;
        self.attempts = self.attempts.wrapping_add(1);
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
            .with_trace_config(quiet_config(Resource::new(resource)))
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
        // Sending a datagram does not block, so the future is ready at its first poll.
        let sent = exporter
            .export(spans.into_iter().map(data).collect())
            .now_or_never()
            .ok_or("the exporter would block")?;
        sent.map_err(|error| error.to_string())?;
        self.exporter = Some(exporter);
        Ok(())
    }

    /// Datagrams are not acknowledged. A missing agent shows only when the next one is sent, so
    /// every second export seems to succeed.
    fn recovery_threshold(&self) -> u32 {
        3
    }

    fn backend(&self) -> String {
        format!("the Jaeger agent {}:{}", self.to.host, self.to.port)
    }
}

/// The address that an attempt uses. They take turns, because UDP does not tell which one is right.
/// Those of IPv4 come first: `localhost` often resolves to `::1` first, and an agent may listen on
/// IPv4 only.
fn address_of_attempt(mut found: Vec<SocketAddr>, attempt: usize) -> Option<SocketAddr> {
    found.sort_by_key(SocketAddr::is_ipv6);
    found.dedup();
    let index = attempt.checked_rem(found.len())?;
    found.get(index).copied()
}

/// The exporter uses only the resource of it. `Config::default()` would read `OTEL_TRACES_SAMPLER`,
/// and print errors about its value to standard error.
fn quiet_config(resource: Resource) -> Config {
    Config {
        sampler: Box::new(Sampler::AlwaysOn),
        id_generator: Box::<RandomIdGenerator>::default(),
        span_limits: SpanLimits::default(),
        resource: Cow::Owned(resource),
    }
}

/// The address of this machine on the route to the agent. Connecting a UDP socket sends no packet.
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
        Some(Parent::Remote(id) | Parent::Local(id)) => SpanId::from(id),
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
        resource: Cow::Owned(Resource::empty()),
        instrumentation_lib: opentelemetry_sdk_old::InstrumentationLibrary::default(),
    }
}

fn value(tag: Tag) -> Value {
    match tag {
        Tag::Bool(flag) => flag.into(),
        Tag::Int(number) => number.into(),
        Tag::Float(number) => number.into(),
        Tag::Text(text) => Value::String(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_turns_and_ipv4_comes_first() {
        let [six, four, other] = ["[::1]:1", "127.0.0.1:1", "127.0.0.2:1"]
            .map(|text| text.parse::<SocketAddr>().unwrap());
        let used = |found: &[SocketAddr]| {
            [0, 1, 2, 3].map(|attempt| address_of_attempt(found.to_vec(), attempt))
        };
        assert_eq!(used(&[six, four]), [four, six, four, six].map(Some));
        assert_eq!(
            used(&[six, other, four]),
            [other, four, six, other].map(Some)
        );
        assert_eq!(used(&[six, six]), [Some(six); 4]);
        assert_eq!(used(&[]), [None; 4]);
    }
}
