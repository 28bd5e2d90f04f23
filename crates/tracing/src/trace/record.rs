//! The record of a finished request, and the spans that are made of it.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use streeling_core::{Code, Outcome, RequestContext, Stage, Trace, Transport, unique_u64};

/// Most bytes of a URL that are kept: clients choose it, and thousands may be pending.
const MAX_URL: usize = 2048;

/// Most characters of an HTTP method that are kept. Registered methods are shorter.
const MAX_METHOD: usize = 16;

/// The value of a tag.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tag {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Cow<'static, str>),
}

impl From<&'static str> for Tag {
    fn from(text: &'static str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Tag {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

/// A span in the form that all exporters convert from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) trace_id: u128,
    pub(super) id: u64,
    pub(super) parent: Option<Parent>,
    pub(super) name: &'static str,
    /// Whether it is the span of the request, rather than of one of its stages.
    pub(super) is_server: bool,
    pub(super) start: SystemTime,
    pub(super) took: Duration,
    pub(super) has_failed: bool,
    pub(super) tags: Vec<(Cow<'static, str>, Tag)>,
}

/// The parent of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parent {
    /// A span of the caller.
    Remote(u64),
    /// A span of this server.
    Local(u64),
}

/// A finished request that is recorded. It is smaller than its spans, which are made by the
/// exporter's thread so that the request does not pay for them.
#[derive(Debug)]
pub(super) struct Finished {
    trace: Trace,
    transport: &'static Transport,
    operation: &'static str,
    code: Code,
    start: SystemTime,
    took: Duration,
    /// Each stage with the time from the start of the request to it, and its duration.
    stages: Vec<(Stage, Duration, Duration)>,
    request_id: String,
    method: String,
    url: String,
    peer: Option<SocketAddr>,
}

impl Finished {
    pub(super) fn new(trace: Trace, request: &RequestContext, outcome: &Outcome) -> Self {
        let took = request.started.elapsed();
        let stages = request
            .stages()
            .map(|(stage, from, took)| {
                let from = from.saturating_duration_since(request.started);
                (stage, from, took)
            })
            .collect();
        let info = request.info.as_deref();
        Self {
            trace,
            transport: request.transport,
            operation: request.operation().name,
            code: outcome.code,
            start: SystemTime::now()
                .checked_sub(took)
                .unwrap_or(SystemTime::UNIX_EPOCH),
            took,
            stages,
            request_id: request.id.to_string(),
            method: info
                .map(|info| info.method.chars().take(MAX_METHOD).collect())
                .unwrap_or_default(),
            url: info
                .map(|info| url(info.host.as_deref(), &info.target))
                .unwrap_or_default(),
            peer: info.and_then(|info| info.peer),
        }
    }

    /// The number of its spans.
    pub(super) fn spans(&self) -> usize {
        1 + self.stages.len()
    }

    /// Adds its spans: that of the request, then those of its stages.
    pub(super) fn write(&self, common: &Common, spans: &mut Vec<Span>) {
        spans.push(Span {
            trace_id: self.trace.trace_id,
            id: self.trace.span,
            parent: self.trace.parent.map(Parent::Remote),
            name: self.operation,
            is_server: true,
            start: self.start,
            took: self.took,
            has_failed: self.code.is_fault,
            tags: self.tags(common),
        });
        for &(stage, from, took) in &self.stages {
            spans.push(Span {
                trace_id: self.trace.trace_id,
                id: match stage {
                    Stage::Component => self.trace.component,
                    Stage::Decode | Stage::Queue | Stage::Encode | Stage::Layer(_) => unique_u64(),
                },
                parent: Some(Parent::Local(self.trace.span)),
                name: stage.name(),
                is_server: false,
                start: self.start + from,
                took,
                has_failed: false,
                tags: common.tags().collect(),
            });
        }
    }

    fn tags(&self, common: &Common) -> Vec<(Cow<'static, str>, Tag)> {
        let mut tags: Vec<(&'static str, Tag)> = vec![("component", self.transport.name.into())];
        // The names that users of Jaeger search for. OpenTelemetry has newer ones.
        if self.transport.name == "grpc" {
            tags.push(("rpc.grpc.status_code", Tag::Int(self.code.number.into())));
        } else {
            if !self.method.is_empty() {
                tags.push(("http.method", self.method.clone().into()));
                tags.push(("http.url", self.url.clone().into()));
            }
            tags.push(("http.status_code", Tag::Int(self.code.number.into())));
        }
        if let Some(peer) = self.peer {
            let ip = peer.ip().to_canonical();
            let name = match ip {
                IpAddr::V4(_) => "peer.ipv4",
                IpAddr::V6(_) => "peer.ipv6",
            };
            tags.push((name, ip.to_string().into()));
            tags.push(("peer.port", Tag::Int(peer.port().into())));
        }
        tags.push(("request_id", self.request_id.clone().into()));
        if self.trace.parent.is_none() {
            tags.extend(common.sampler.iter().cloned());
        }
        tags.into_iter()
            .map(|(name, value)| (Cow::Borrowed(name), value))
            .chain(common.tags())
            .collect()
    }
}

/// Tags of all requests.
#[derive(Debug)]
pub(super) struct Common {
    /// Tags of every span.
    pub(super) tags: Vec<(String, String)>,
    /// Tags of the first span of a trace.
    pub(super) sampler: [(&'static str, Tag); 2],
}

impl Common {
    fn tags(&self) -> impl Iterator<Item = (Cow<'static, str>, Tag)> {
        self.tags
            .iter()
            .map(|(name, value)| (name.clone().into(), value.clone().into()))
    }
}

/// The URL without its query, which may contain a payload.
fn url(host: Option<&str>, target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let mut url = match host {
        // In HTTP/2 the target may contain the authority.
        Some(host) if path.starts_with('/') => format!("http://{host}{path}"),
        _ => path.to_owned(),
    };
    if url.len() > MAX_URL {
        let end = (0..=MAX_URL).rev().find(|end| url.is_char_boundary(*end));
        url.truncate(end.unwrap_or(0));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_bounded_and_has_no_query() {
        let host = Some("localhost:9000");
        assert_eq!(
            url(host, "/predict?json={}"),
            "http://localhost:9000/predict"
        );
        assert_eq!(url(None, "/predict"), "/predict");
        assert_eq!(url(host, "http://a/predict"), "http://a/predict");
        assert_eq!(url(None, &"é".repeat(5000)).len(), MAX_URL);
    }
}
