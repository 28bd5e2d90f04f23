//! Spans to a Jaeger agent.

// The crate says of itself that OTLP is the way to go on. Whoever runs agents has not gone it yet.
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

/// An agent, looked up anew after every failure.
pub(super) struct Agent {
    to: config::Agent,
    service: String,
    resource: Vec<(String, String)>,
    exporter: Option<Exporter>,
    /// Times that one has been made: each takes the next of the addresses.
    tries: usize,
}

impl Agent {
    pub(super) fn new(to: &config::Agent, config: &TracerConfig) -> Self {
        Self {
            to: to.clone(),
            service: config.service.clone(),
            resource: config.resource.clone(),
            exporter: None,
            tries: 0,
        }
    }

    fn connect(&mut self) -> Result<Exporter, String> {
        let found = (self.to.host.as_str(), self.to.port)
            .to_socket_addrs()
            .map_err(|error| error.to_string())?;
        let agent = in_turn(found.collect(), self.tries).ok_or("the name has no address")?;
        self.tries = self.tries.wrapping_add(1);
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

/// The addresses take turns, as nobody says over UDP which one is right. Those of IPv4 come first: `localhost` often
/// is `::1` before anything else, where an agent that listens to IPv4 alone gets nothing.
fn in_turn(mut found: Vec<SocketAddr>, tries: usize) -> Option<SocketAddr> {
    found.sort_by_key(SocketAddr::is_ipv6);
    found.dedup();
    let turn = tries.checked_rem(found.len())?;
    found.get(turn).copied()
}

/// Of this, the exporter takes the resource alone. `Config::default()` would look at `OTEL_TRACES_SAMPLER`, and print
/// to standard error what it does not like there.
fn quiet_config(resource: Resource) -> Config {
    Config {
        sampler: Box::new(Sampler::AlwaysOn),
        id_generator: Box::<RandomIdGenerator>::default(),
        span_limits: SpanLimits::default(),
        resource: Cow::Owned(resource),
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
        resource: Cow::Owned(Resource::empty()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_turns_and_those_of_ipv4_come_first() {
        let [six, four, other] = ["[::1]:1", "127.0.0.1:1", "127.0.0.2:1"]
            .map(|text| text.parse::<SocketAddr>().unwrap());
        let taken = |found: &[SocketAddr]| {
            let tries = [0, 1, 2, 3];
            tries.map(|tries| in_turn(found.to_vec(), tries))
        };
        assert_eq!(taken(&[six, four]), [four, six, four, six].map(Some));
        assert_eq!(
            taken(&[six, other, four]),
            [other, four, six, other].map(Some)
        );
        assert_eq!(taken(&[six, six]), [Some(six); 4]);
        assert_eq!(taken(&[]), [None; 4]);
    }
}
